// How long a peer takes to the response head, as a moving average that jumps up and sinks slowly.

/** After this long without a sample the average has sunk to 1/e. */
const DECAY_MS = 10_000;

export class PeakLatency {
  #averageMs = 0;
  #sampledAtMs = 0;

  /** Takes a time to the response head, seen at the monotonic time `nowMs`. */
  add(sampleMs: number, nowMs: number): void {
    if (sampleMs > this.#averageMs) {
      this.#averageMs = sampleMs;
    } else {
      const weight = Math.exp((this.#sampledAtMs - nowMs) / DECAY_MS);
      this.#averageMs = this.#averageMs * weight + sampleMs * (1 - weight);
    }
    this.#sampledAtMs = nowMs;
  }

  /** Returns the average in ms, sunk by the time since the last sample; 0 when there was none. */
  valueAt(nowMs: number): number {
    return this.#averageMs * Math.exp((this.#sampledAtMs - nowMs) / DECAY_MS);
  }
}
