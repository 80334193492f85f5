// How often batches of counts go out: at most every 10 ms, and never so often that making them costs more
// than a small share of the time. Verdicts do not wait for this.
//
// Measured (2026-11, one worker, 64 connections, everything on one core): a batch costs the worker about
// 0.5 ms and the sidecar 1.2 ms, because code that runs 100 times a second stays cold; at a fixed 10 ms
// the shared state took 13 % of the proxy's processor time. Packing numbers closer would save nothing worth
// its code: encoding and decoding are some 10 µs of that once they are warm.

export interface PaceOptions {
  /** Shortest gap between two batches. */
  readonly leastMs: number;
  /** Longest gap, however dear the batches are. */
  readonly mostMs: number;
  /** Share of the time that batches may cost, 0–1. */
  readonly share: number;
}

/** Gap when nobody else needs the counts. */
const ALONE_MS = 500;

/** How fast the estimate of a batch's cost follows. */
const FOLLOW = 0.2;

/** Share of the gap after which a batch may go that needs no timer. */
const NEARLY = 0.75;

export class Pace {
  readonly #options: PaceOptions;
  #costMs = 0;
  /** Reading what others sent since the last batch. */
  #receivedMs = 0;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  /** Nobody else needs the counts: only people look at them. */
  isAlone = false;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Milliseconds from `nowMs` until the next batch may go, at least 1. */
  delayMs(nowMs: number, isUrgent: boolean): number {
    const gapMs = isUrgent ? this.#options.leastMs : this.#gapMs();
    // Timers cut fractions off and would come early.
    return Math.max(1, Math.ceil(gapMs - (nowMs - this.#endedAtMs)));
  }

  /** Who is awake anyway may send this much earlier: to be woken by a timer costs more than a batch. */
  isNearlyDue(nowMs: number): boolean {
    const gapMs = Math.max(this.#options.leastMs, this.#gapMs() * NEARLY);
    return nowMs - this.#endedAtMs >= gapMs;
  }

  /** What another one sent was read and applied between these two times: part of what a batch costs. */
  received(beganAtMs: number, endedAtMs: number): void {
    this.#receivedMs += endedAtMs - beganAtMs;
  }

  /** A batch was made between these two times. */
  spent(beganAtMs: number, endedAtMs: number): void {
    const costMs = endedAtMs - beganAtMs + this.#receivedMs;
    this.#costMs += (costMs - this.#costMs) * FOLLOW;
    this.#receivedMs = 0;
    this.#endedAtMs = endedAtMs;
  }

  #gapMs(): number {
    const { leastMs, mostMs, share } = this.#options;
    const dearMs = Math.min(mostMs, Math.max(leastMs, this.#costMs / share));
    return this.isAlone ? Math.max(dearMs, ALONE_MS) : dearMs;
  }
}
