// A fast, well-mixed 32-bit hash of byte strings (FNV-1a, finished as MurmurHash3 is). Not for secrets:
// whoever chooses the text can find collisions.

/** Returns an unsigned 32-bit hash of `text`; `seed` gives independent functions. */
export function hash32(text: string, seed = 0): number {
  return mix32(hashFurther(hashStart(seed), text));
}

/** Returns the state of a hash before any text, for who has the text in pieces. */
export function hashStart(seed: number): number {
  return 0x811c9dc5 ^ seed;
}

/** Returns the state after the next piece: `mix32` of it, after the last one, is what `hash32` says of all. */
export function hashFurther(state: number, piece: string): number {
  let hash = state;
  for (let at = 0; at < piece.length; at++) {
    hash = Math.imul(hash ^ piece.charCodeAt(at), 0x01000193);
  }
  return hash;
}

/** Spreads the bits of an integer over all 32 (finaliser of MurmurHash3). */
export function mix32(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
