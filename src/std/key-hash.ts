// One hash of keys for all tables of this process, seeded, so that nobody outside knows which keys meet.
// Several tables are asked about one key in a row: the last one is not hashed twice. Whoever puts a key
// together hashes the pieces: a text that was just joined would have to be copied into one piece for it.
//
// Not the FNV of hash.ts: there the low bits of a state depend on low bits alone, so that whoever guesses
// eight bits of the seed can make up any number of keys that meet, whatever the others are.

import { randomInt } from 'node:crypto';
import { mix32 } from './hash.ts';

/** The state of a hash before the first piece of a key. */
export const keyHashStart = randomInt(2 ** 32) | 0;

/** Returns the state after the next piece of a key. */
export function keyHashFurther(state: number, piece: string): number {
  let hash = state;
  for (let at = 0; at < piece.length; at++) {
    hash = Math.imul(hash ^ piece.charCodeAt(at), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

/**
 * Returns the hash of a key by the state after its last piece: 31 bits, because what has all 32 is mostly
 * no small integer to the engine, which makes an object of it wherever it is kept.
 */
export function keyHashEnd(state: number): number {
  return mix32(state) >>> 1;
}

let lastKey = '';
let lastHash = keyHashEnd(keyHashStart);

/** Returns an unsigned 31-bit hash of `key`, another one in each process. */
export function keyHash(key: string): number {
  if (key === lastKey) return lastHash;
  lastKey = key;
  lastHash = keyHashEnd(keyHashFurther(keyHashStart, key));
  return lastHash;
}

/** Tells what `keyHash(key)` is, which will be asked for next. */
export function setKeyHash(key: string, hash: number): void {
  lastKey = key;
  lastHash = hash;
}
