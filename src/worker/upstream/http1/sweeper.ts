// One interval for all deadlines of the transport in a worker, and a coarse clock that costs nothing to
// read. Not for anything that needs to be exact: a deadline is met at most two periods late, never early.

import type { Clock } from '../../../std/clock.ts';

/** Something with deadlines. */
export interface Sweepable {
  /** Acts on every deadline that has passed. */
  sweep(nowMs: number): void;
}

export class Sweeper {
  /** Time of the last sweep. */
  nowMs: number;
  readonly #clock: Clock;
  readonly #periodMs: number;
  readonly #swept = new Set<Sweepable>();
  #timer: NodeJS.Timeout | null = null;

  constructor(clock: Clock, periodMs: number) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.nowMs = clock.nowMs();
  }

  /** Returns the time after which at least `delayMs` have passed from now. */
  deadlineIn(delayMs: number): number {
    return this.nowMs + this.#periodMs + delayMs;
  }

  /** Begins to watch; the first one starts the interval. */
  add(swept: Sweepable): void {
    this.#swept.add(swept);
    if (this.#timer !== null) return;
    this.nowMs = this.#clock.nowMs();
    this.#timer = setInterval(() => this.sweep(), this.#periodMs);
    this.#timer.unref();
  }

  remove(swept: Sweepable): void {
    this.#swept.delete(swept);
    if (this.#swept.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  sweep(): void {
    this.nowMs = this.#clock.nowMs();
    for (const swept of this.#swept) swept.sweep(this.nowMs);
  }
}
