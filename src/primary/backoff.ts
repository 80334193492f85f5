// How long a child that died stays down: not at all the first time, then ever longer while it keeps dying.

const FIRST_DELAY_MS = 100;
const DELAY_MS_MAX = 30_000;
/** A life this long forgives all deaths before it. */
const GOOD_LIFE_MS = 10_000;

/** Counts the early deaths of one child: 0, 100, 200, 400 ms… up to 30 s between them. */
export class Backoff {
  #earlyDeaths = 0;

  /** Returns the delay in ms before the next start, after a life of `livedMs`. */
  next(livedMs: number): number {
    if (livedMs >= GOOD_LIFE_MS) this.#earlyDeaths = 0;
    this.#earlyDeaths += 1;
    if (this.#earlyDeaths === 1) return 0;
    const doublings = Math.min(this.#earlyDeaths - 2, 20);
    return Math.min(FIRST_DELAY_MS * 2 ** doublings, DELAY_MS_MAX);
  }
}
