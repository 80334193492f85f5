// How long attempts at one peer took to the response head: counts in buckets that double every four, so
// that percentiles of many workers can be added up. Always on, hence cheap: no logarithm, no allocation.

/** Four buckets an octave from 1/16 ms on; what is shorter or longer counts in the first or the last. */
const perOctave = 4;
const firstExponent = -4;
const octaves = 20;
const bucketCount = octaves * perOctave;

// The leading bits of a float are its exponent and then its fraction: in buckets, its number already.
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);
const shift = 21;
const firstBucket = (127 + firstExponent) * perOctave;

/** Pairs of bucket number (as the difference to the one before) and count; plain data. */
export type PackedTimes = readonly number[];

export class HeadTimes {
  /** 1.3 kB of memory, made at the first time; doubles, as 32 bits would wrap within days. */
  #buckets: Float64Array | null = null;
  sumMs = 0;

  /** Counts one time in ms; some 10 ns. */
  add(timeMs: number): void {
    this.#buckets ??= new Float64Array(bucketCount);
    float[0] = timeMs;
    const bucket = (bits[0]! >>> shift) - firstBucket;
    this.#buckets[bucket <= 0 ? 0 : bucket < bucketCount ? bucket : bucketCount - 1]! += 1;
    this.sumMs += timeMs;
  }

  get count(): number {
    let count = 0;
    if (this.#buckets !== null) for (const inBucket of this.#buckets) count += inBucket;
    return count;
  }

  /** Returns the time in ms that `share` (0–1) of all do not exceed, within a quarter; 0 when there is none. */
  quantileMs(share: number): number {
    const buckets = this.#buckets;
    if (buckets === null) return 0;
    let left = share * this.count;
    let at = 0;
    while (at < bucketCount - 1 && left > buckets[at]!) {
      left -= buckets[at]!;
      at += 1;
    }
    const from = at === 0 ? 0 : lowerEndMs(at);
    const inBucket = buckets[at]!;
    return inBucket === 0
      ? from
      : from + (lowerEndMs(at + 1) - from) * Math.min(1, left / inBucket);
  }

  /** Returns the non-empty buckets; coarsely: one of four, where a time may be told twice as long. */
  pack(isCoarse = false): PackedTimes {
    const packed: number[] = [];
    if (this.#buckets === null) return packed;
    const width = isCoarse ? perOctave : 1;
    let before = 0;
    for (let end = width; end <= bucketCount; end += width) {
      let count = 0;
      for (let at = end - width; at < end; at += 1) count += this.#buckets[at]!;
      if (count === 0) continue;
      packed.push(end - 1 - before, count);
      before = end - 1;
    }
    return packed;
  }

  /** Adds what another process packed; false and unchanged when it makes no sense. */
  addPacked(packed: PackedTimes, sumMs: number): boolean {
    if (!fits(packed) || !(sumMs >= 0)) return false;
    if (packed.length === 0) return true;
    this.#buckets ??= new Float64Array(bucketCount);
    for (let pair = 0, bucket = 0; pair < packed.length; pair += 2) {
      bucket += packed[pair]!;
      this.#buckets[bucket]! += packed[pair + 1]!;
    }
    this.sumMs += sumMs;
    return true;
  }
}

function lowerEndMs(bucket: number): number {
  return (
    2 ** (firstExponent + Math.floor(bucket / perOctave)) * (1 + (bucket % perOctave) / perOctave)
  );
}

function fits(packed: PackedTimes): boolean {
  if (packed.length % 2 !== 0) return false;
  let bucket = 0;
  for (let at = 0; at < packed.length; at += 2) {
    const step = packed[at]!;
    const count = packed[at + 1]!;
    if (!Number.isInteger(step) || step < 0) return false;
    if (!Number.isSafeInteger(count) || count < 1) return false;
    bucket += step;
  }
  return bucket < bucketCount;
}
