// Latency of finished exchanges as an HDR histogram: fixed range and memory (27 KB), 1 % precision, and a
// compact form that can be sent between processes and added up.

import { Float64Histogram } from 'hdr-histogram-js';

const MICROSECONDS = 1_000_000;
const HIGHEST_US = 3600 * MICROSECONDS;
const SIGNIFICANT_DIGITS = 2;

/** Upper bounds in seconds of the buckets that Prometheus gets; the last one, infinity, is not in it. */
export const BUCKET_BOUNDS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Pairs of bucket number (as the difference to the one before) and count; plain data. */
export type PackedLatency = readonly number[];

export class LatencyHistogram {
  // Counts are doubles: 32 bits would wrap after half a day at 50,000 exchanges a second in one bucket.
  readonly #histogram = new Float64Histogram(1, HIGHEST_US, SIGNIFICANT_DIGITS);
  /** Sum of all durations in seconds, exact where the buckets are not. */
  sumSeconds = 0;

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** Counts one duration; over an hour counts as an hour. 60–100 ns. */
  record(durationMs: number): void {
    const us = durationMs > 0 ? Math.round(durationMs * 1000) : 0;
    this.#histogram.recordValue(Math.min(us, HIGHEST_US));
    this.sumSeconds += us / MICROSECONDS;
  }

  /** Returns the value in seconds that `share` (0–1) of the durations do not exceed, 0 when empty. */
  quantileSeconds(share: number): number {
    if (this.count === 0) return 0;
    return this.#histogram.getValueAtPercentile(share * 100) / MICROSECONDS;
  }

  /** Returns the non-empty buckets. */
  pack(): PackedLatency {
    const histogram = this.#histogram;
    const packed: number[] = [];
    if (histogram.totalCount === 0) return packed;
    const last = histogram.countsArrayIndex(Math.min(histogram.maxValue, HIGHEST_US));
    let before = 0;
    for (let at = 0; at <= last; at += 1) {
      const count = histogram.getCountAtIndex(at);
      if (count === 0) continue;
      packed.push(at - before, count);
      before = at;
    }
    return packed;
  }

  /** Returns the same with one bucket per bound of Prometheus: some 16 instead of some 500 pairs. */
  packCoarsely(): PackedLatency {
    const histogram = this.#histogram;
    const packed: number[] = [];
    let before = 0;
    let cumulative = 0;
    const bounds = [...BUCKET_BOUNDS_SECONDS.map((bound) => bound * MICROSECONDS), HIGHEST_US];
    const upTo = this.cumulativeCounts();
    for (const [at, bound] of bounds.entries()) {
      const reached = upTo[at] ?? histogram.totalCount;
      if (reached === cumulative) continue;
      // The highest bucket that lies below the bound altogether.
      const index = Math.max(0, histogram.countsArrayIndex(bound + 1) - 1);
      packed.push(index - before, reached - cumulative);
      before = index;
      cumulative = reached;
    }
    return packed;
  }

  /** Adds what another process packed; false and unchanged when it makes no sense. */
  addPacked(packed: PackedLatency, sumSeconds: number): boolean {
    if (!this.#fits(packed) || !(sumSeconds >= 0)) return false;
    const histogram = this.#histogram;
    for (let pair = 0, index = 0; pair < packed.length; pair += 2) {
      index += packed[pair]!;
      histogram.recordValueWithCount(histogram.valueFromIndex(index), packed[pair + 1]!);
    }
    this.sumSeconds += sumSeconds;
    return true;
  }

  /** Returns, for each bound, how many durations do not exceed it (within the 1 % of a bucket). */
  cumulativeCounts(): number[] {
    const histogram = this.#histogram;
    const counts: number[] = [];
    let at = 0;
    let cumulative = 0;
    for (const bound of BUCKET_BOUNDS_SECONDS) {
      const end = histogram.countsArrayIndex(bound * MICROSECONDS + 1);
      for (; at < end; at += 1) cumulative += histogram.getCountAtIndex(at);
      counts.push(cumulative);
    }
    return counts;
  }

  #fits(packed: PackedLatency): boolean {
    if (packed.length % 2 !== 0) return false;
    let index = 0;
    for (let at = 0; at < packed.length; at += 2) {
      index += packed[at]!;
      const count = packed[at + 1]!;
      if (!Number.isSafeInteger(count) || count < 1) return false;
      if (!Number.isInteger(packed[at]) || packed[at]! < 0) return false;
    }
    return index < this.#histogram.countsArrayLength;
  }
}
