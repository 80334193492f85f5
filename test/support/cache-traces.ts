// Sequences of requests that caches are compared by, the same for the same seed.

import { createSeededRandom } from './random.ts';

/** Returns `length` keys of `objects`, the more popular ones by Zipf's law with that exponent. */
export function zipfTrace(objects: number, length: number, exponent: number): Uint32Array {
  const random = createSeededRandom(7);
  const sums = new Float64Array(objects);
  let sum = 0;
  for (let at = 0; at < objects; at++) {
    sum += 1 / (at + 1) ** exponent;
    sums[at] = sum;
  }
  return Uint32Array.from({ length }, () => firstAbove(sums, random.next() * sum));
}

/** A Zipf trace with a scan over objects that nobody else wants after every `every` requests. */
export function scanTrace(trace: Uint32Array, every: number, scanLength: number): Uint32Array {
  const mixed: number[] = [];
  let scanned = 1 << 24;
  for (const [at, key] of trace.entries()) {
    if (at % every === every - 1) for (let n = 0; n < scanLength; n++) mixed.push(scanned++);
    mixed.push(key);
  }
  return Uint32Array.from(mixed);
}

/** A Zipf trace whose popular objects are others after every `every` requests: what was hot grows cold. */
export function shiftingTrace(trace: Uint32Array, every: number, shift: number): Uint32Array {
  return trace.map((key, at) => key + Math.floor(at / every) * shift);
}

function firstAbove(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
