// Latency of finished exchanges as a histogram of high dynamic range: fixed range and memory (26 KB), 1 %
// precision, and a compact form that can be sent between processes and added up. (hdr-histogram-js has the
// same buckets and finds them by logarithms and powers: small requests cost 0.983 of that without it.)

const MICROSECONDS = 1_000_000;
const HIGHEST_US = 3600 * MICROSECONDS;

/** Buckets are one microsecond wide below twice this, and twice as wide after each so many further ones. */
const BUCKETS_PER_WIDTH = 128;
const BUCKETS = bucketOf(HIGHEST_US) + 1;

/** Upper bounds in seconds of the buckets that Prometheus gets; the last one, infinity, is not in it. */
export const BUCKET_BOUNDS_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

/** Pairs of bucket number (as the difference to the one before) and count; plain data. */
export type PackedLatency = readonly number[];

export class LatencyHistogram {
  // Counts are doubles: 32 bits would wrap after half a day at 50,000 exchanges a second in one bucket.
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  /** Sum of all durations in seconds, exact where the buckets are not. */
  sumSeconds = 0;

  get count(): number {
    return this.#count;
  }

  /** Counts one duration; over an hour counts as an hour. Some 10 ns. */
  record(durationMs: number): void {
    const us = durationMs > 0 ? Math.round(durationMs * 1000) : 0;
    this.#counts[bucketOf(Math.min(us, HIGHEST_US))]! += 1;
    this.#count += 1;
    this.sumSeconds += us / MICROSECONDS;
  }

  /** Returns the value in seconds that `share` (0–1) of the durations do not exceed, 0 when empty. */
  quantileSeconds(share: number): number {
    if (this.#count === 0) return 0;
    // Less an ulp or so: 0.07 × 100 is more than 7.
    let left = Math.max(1, Math.ceil(share * this.#count * (1 - 1e-12)));
    let bucket = 0;
    while (bucket < BUCKETS - 1 && left > this.#counts[bucket]!) {
      left -= this.#counts[bucket]!;
      bucket += 1;
    }
    return highestUs(bucket) / MICROSECONDS;
  }

  /** Returns the non-empty buckets. */
  pack(): PackedLatency {
    const packed: number[] = [];
    let before = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const count = this.#counts[bucket]!;
      if (count === 0) continue;
      packed.push(bucket - before, count);
      before = bucket;
    }
    return packed;
  }

  /** Returns the same with one bucket per bound of Prometheus: some 16 instead of some 500 pairs. */
  packCoarsely(): PackedLatency {
    const packed: number[] = [];
    let before = 0;
    let cumulative = 0;
    const bounds = [...BUCKET_BOUNDS_SECONDS.map((bound) => bound * MICROSECONDS), HIGHEST_US];
    const upTo = this.cumulativeCounts();
    for (const [at, bound] of bounds.entries()) {
      const reached = upTo[at] ?? this.#count;
      if (reached === cumulative) continue;
      // The highest bucket that lies below the bound altogether.
      const bucket = Math.max(0, bucketOf(bound + 1) - 1);
      packed.push(bucket - before, reached - cumulative);
      before = bucket;
      cumulative = reached;
    }
    return packed;
  }

  /** Adds what another process packed; false and unchanged when it makes no sense. */
  addPacked(packed: PackedLatency, sumSeconds: number): boolean {
    if (!fits(packed) || !(sumSeconds >= 0)) return false;
    for (let pair = 0, bucket = 0; pair < packed.length; pair += 2) {
      bucket += packed[pair]!;
      this.#counts[bucket]! += packed[pair + 1]!;
      this.#count += packed[pair + 1]!;
    }
    this.sumSeconds += sumSeconds;
    return true;
  }

  /** Returns, for each bound, how many durations do not exceed it (within the 1 % of a bucket). */
  cumulativeCounts(): number[] {
    const counts: number[] = [];
    let bucket = 0;
    let cumulative = 0;
    for (const bound of BUCKET_BOUNDS_SECONDS) {
      const end = bucketOf(bound * MICROSECONDS + 1);
      for (; bucket < end; bucket += 1) cumulative += this.#counts[bucket]!;
      counts.push(cumulative);
    }
    return counts;
  }
}

/** Returns the bucket of a duration below 2^32 µs. */
function bucketOf(us: number): number {
  const doublings = Math.max(0, 24 - Math.clz32(us));
  return doublings * BUCKETS_PER_WIDTH + (us >>> doublings);
}

/** Returns the longest duration that counts in `bucket`. */
function highestUs(bucket: number): number {
  const doublings = Math.max(0, Math.floor(bucket / BUCKETS_PER_WIDTH) - 1);
  return (bucket - doublings * BUCKETS_PER_WIDTH + 1) * 2 ** doublings - 1;
}

function fits(packed: PackedLatency): boolean {
  if (packed.length % 2 !== 0) return false;
  let bucket = 0;
  for (let at = 0; at < packed.length; at += 2) {
    bucket += packed[at]!;
    const count = packed[at + 1]!;
    if (!Number.isSafeInteger(count) || count < 1) return false;
    if (!Number.isInteger(packed[at]) || packed[at]! < 0) return false;
  }
  return bucket < BUCKETS;
}
