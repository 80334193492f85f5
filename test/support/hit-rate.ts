// The share of a trace that a cache answers: S3-FIFO as src/std has it, and the LRU in the order of a Map
// that it is measured against.

import { mix32 } from '../../src/std/hash.ts';
import { S3Fifo, type Slot } from '../../src/std/s3-fifo.ts';

/** Weight of an object: 1, or a size that its key decides. */
export type WeightOf = (key: number) => number;

export function hitRateOfLru(trace: Uint32Array, weightMax: number, weightOf: WeightOf): number {
  const map = new Map<number, number>();
  let [weight, hits] = [0, 0];
  for (const key of trace) {
    const known = map.get(key);
    if (known !== undefined) {
      hits += 1;
      map.delete(key);
      map.set(key, known);
      continue;
    }
    map.set(key, weightOf(key));
    weight += weightOf(key);
    for (const [oldest, its] of map) {
      if (weight <= weightMax) break;
      map.delete(oldest);
      weight -= its;
    }
  }
  return hits / trace.length;
}

export function hitRateOfS3Fifo(trace: Uint32Array, weightMax: number, weightOf: WeightOf): number {
  const map = new Map<number, Slot<number>>();
  const cache = new S3Fifo<number>({
    weightMax,
    ghostsMax: weightMax,
    onEvict: (key) => map.delete(key),
  });
  let hits = 0;
  for (const key of trace) {
    const slot = map.get(key);
    if (slot !== undefined) {
      hits += 1;
      cache.use(slot);
      continue;
    }
    const hash = mix32(key);
    const arrival = { hash, weight: weightOf(key), isWanted: cache.isBack(hash) };
    const added = cache.add(key, arrival);
    if (added.isIn) map.set(key, added);
  }
  return hits / trace.length;
}
