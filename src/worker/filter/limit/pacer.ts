// The one clock of everything that is paced: ticks while somebody waits for time to pass, and is still
// otherwise, so that no exchange has a timer of its own.

/** Something that waits for time to pass. */
export interface Paced {
  /** Called once a tick until it is removed; may remove itself. Never throws. */
  tick(nowMs: number): void;
}

/** Short against what a client notices, long against the cost of a timer. */
const TICK_MS = 50;

export class Pacer {
  readonly #waiting = new Set<Paced>();
  #timer: NodeJS.Timeout | null = null;
  readonly nowMs: () => number;
  readonly #tickMs: number;

  constructor(nowMs: () => number, tickMs = TICK_MS) {
    this.nowMs = nowMs;
    this.#tickMs = tickMs;
  }

  /** Harmless when it is there already. */
  add(paced: Paced): void {
    this.#waiting.add(paced);
    if (this.#timer !== null) return;
    this.#timer = setInterval(() => this.tick(), this.#tickMs);
    this.#timer.unref();
  }

  remove(paced: Paced): void {
    this.#waiting.delete(paced);
  }

  /** Called by its own timer. */
  tick(): void {
    const nowMs = this.nowMs();
    for (const paced of this.#waiting) paced.tick(nowMs);
    if (this.#waiting.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Who still waits is served to the end: the clock stops by itself. */
  close(): void {}
}
