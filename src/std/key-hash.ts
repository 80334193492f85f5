// One hash of keys for all tables of this process, seeded, so that nobody outside knows which keys meet.
// Several tables are asked about one key in a row: the last one is not hashed twice.

import { randomInt } from 'node:crypto';
import { hash32 } from './hash.ts';

const seed = randomInt(2 ** 32);

let lastKey = '';
let lastHash = hash32('', seed);

/** Returns an unsigned 32-bit hash of `key`, another one in each process. */
export function keyHash(key: string): number {
  if (key === lastKey) return lastHash;
  lastKey = key;
  lastHash = hash32(key, seed);
  return lastHash;
}
