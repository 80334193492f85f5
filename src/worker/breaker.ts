// Whether an upstream is given a rest: the worker's half of the circuit breaker. When it opens and closes
// is decided for all workers together by the sidecar, or by this worker while there is none (src/channel).

import { ProxyError } from '../core/errors.ts';
import type { Breaker } from '../core/plan.ts';
import type { UpstreamGuard } from '../core/upstream-guard.ts';

export class UpstreamBreaker implements Breaker {
  readonly #guard: UpstreamGuard;
  readonly #rampMs: number;
  readonly #random: () => number;

  constructor(guard: UpstreamGuard, rampMs: number, random: () => number) {
    this.#guard = guard;
    this.#rampMs = rampMs;
    this.#random = random;
  }

  /** One compare while it is closed; in the ramp the share let through grows from none to all. */
  refuse(): ProxyError | null {
    const { openUntilMs, rampUntilMs } = this.#guard;
    if (rampUntilMs === 0) return null;
    const nowMs = performance.now();
    if (nowMs < openUntilMs) return refusal(openUntilMs - nowMs);
    const leftMs = rampUntilMs - nowMs;
    if (leftMs <= 0 || this.#random() * this.#rampMs >= leftMs) return null;
    return refusal(leftMs);
  }
}

function refusal(leftMs: number): ProxyError {
  return new ProxyError('breaker_open', '', Math.max(1, Math.ceil(leftMs / 1000)));
}
