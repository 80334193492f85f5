// How often batches of counts go out: at most every 10 ms, and never so often that making them costs more
// than a small share of the time. Verdicts do not wait for this.
//
// Measured (2026-11, one worker, 64 connections, everything on one core): a batch costs the worker about
// 0.5 ms and the sidecar 1.2 ms, because code that runs 100 times a second stays cold; at a fixed 10 ms
// the shared state took 13 % of the proxy's processor time.

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

export class Pace {
  readonly #options: PaceOptions;
  #costMs = 0;
  #endedAtMs = Number.NEGATIVE_INFINITY;
  /** Nobody else needs the counts: only people look at them. */
  isAlone = false;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Milliseconds from `nowMs` until the next batch may go, at least 1. */
  delayMs(nowMs: number, isUrgent: boolean): number {
    const { leastMs, mostMs, share } = this.#options;
    const dearMs = Math.min(mostMs, Math.max(leastMs, this.#costMs / share));
    const gapMs = isUrgent ? leastMs : this.isAlone ? Math.max(dearMs, ALONE_MS) : dearMs;
    // Timers cut fractions off and would come early.
    return Math.max(1, Math.ceil(gapMs - (nowMs - this.#endedAtMs)));
  }

  /** A batch was made between these two times. */
  spent(beganAtMs: number, endedAtMs: number): void {
    this.#costMs += (endedAtMs - beganAtMs - this.#costMs) * FOLLOW;
    this.#endedAtMs = endedAtMs;
  }
}
