// One hash of keys for all tables of this process, seeded, so that nobody outside knows which keys meet.
// Several tables are asked about one key in a row: the last one is not hashed twice. Whoever puts a key
// together hashes the pieces: a text that was just joined would have to be copied into one piece for it.

import { randomInt } from 'node:crypto';
import { hashFurther, hashStart, mix32 } from './hash.ts';

/** The state of a hash before the first piece of a key. */
export const keyHashStart = hashStart(randomInt(2 ** 32));

let lastKey = '';
let lastHash = mix32(keyHashStart);

/** Returns an unsigned 32-bit hash of `key`, another one in each process. */
export function keyHash(key: string): number {
  if (key === lastKey) return lastHash;
  lastKey = key;
  lastHash = mix32(hashFurther(keyHashStart, key));
  return lastHash;
}

/** Tells what `keyHash(key)` is, which will be asked for next. */
export function setKeyHash(key: string, hash: number): void {
  lastKey = key;
  lastHash = hash;
}
