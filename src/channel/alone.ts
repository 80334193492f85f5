// A worker without a sidecar: it goes by its own verdicts, forgets slowly what it was told of the others,
// and in time what active checks had found.

import type { Ledger } from './ledger.ts';
import type { OwnVerdict } from './own-verdict.ts';

export interface Fade {
  /** Counts of other workers are believed so long, then halved every `stepMs`. */
  readonly holdMs: number;
  readonly stepMs: number;
}

/** How often a worker judges its own outcomes. */
const judgeEveryMs = 100;
/** A peer that was down may have come back: after this it is tried again. */
const checksHoldMs = 30_000;

export class Alone {
  readonly #ledger: Ledger;
  readonly #own: OwnVerdict;
  readonly #fade: Fade;
  #fadeTimer: NodeJS.Timeout | undefined;
  #dueTimer: NodeJS.Timeout | undefined;
  #judgeTimer: NodeJS.Timeout | undefined;
  #checksTimer: NodeJS.Timeout | undefined;

  constructor(ledger: Ledger, own: OwnVerdict, fade: Fade = { holdMs: 1000, stepMs: 500 }) {
    this.#ledger = ledger;
    this.#own = own;
    this.#fade = fade;
  }

  /** The sidecar is gone. */
  begin(): void {
    const now = performance.now();
    this.#own.takeTraffic(this.#ledger.allTraffic(), true, now);
    this.#follow(this.#own.all(now), now);
    this.#fadeIn(this.#fade.holdMs);
    this.#judgeTimer = setInterval(() => this.#judgeTraffic(), judgeEveryMs);
    this.#judgeTimer.unref();
    this.#checksTimer = setTimeout(() => {
      this.#own.forgetChecks(performance.now());
      this.judge();
    }, checksHoldMs);
    this.#checksTimer.unref();
  }

  /** The sidecar is back, or the worker ends. */
  end(): void {
    clearTimeout(this.#fadeTimer);
    clearTimeout(this.#dueTimer);
    clearInterval(this.#judgeTimer);
    clearTimeout(this.#checksTimer);
  }

  /** Follows this worker's own verdicts, and comes back when an ejection ends. */
  judge(): void {
    const now = performance.now();
    this.#follow(this.#own.changes(now), now);
  }

  #judgeTraffic(): void {
    const now = performance.now();
    const traffic = this.#ledger.traffic(now);
    if (traffic.length === 0) return;
    this.#own.takeTraffic(traffic, false, now);
    this.judge();
  }

  #follow(health: readonly number[], now: number): void {
    this.#ledger.follow(health, now);
    clearTimeout(this.#dueTimer);
    const dueMs = this.#own.dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#dueTimer = setTimeout(() => this.judge(), Math.max(1, dueMs - now));
    this.#dueTimer.unref();
  }

  #fadeIn(delayMs: number): void {
    this.#fadeTimer = setTimeout(() => {
      if (this.#ledger.fade()) this.#fadeIn(this.#fade.stepMs);
    }, delayMs);
    this.#fadeTimer.unref();
  }
}
