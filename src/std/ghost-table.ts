// Remembers hashes of what has left, in a fixed piece of memory: the newest ones, one forgotten now and then
// where two fall on the same place.

/** Places for each hash that is to be remembered: fewer lose more of them to one another. */
const placesPerHash = 2;
const bytesPerPlace = 8;

export class GhostTable {
  /** Hash and time of each place: beside each other, because no cache of the processor holds all of them. */
  readonly #words: Uint32Array;
  readonly #mask: number;
  #time = 0;

  /** `most` hashes, rounded up to a power of two. */
  constructor(most: number) {
    const places = 2 ** Math.ceil(Math.log2(Math.max(1, most) * placesPerHash));
    this.#words = new Uint32Array(places * 2);
    this.#mask = places - 1;
  }

  /** What the table takes, for ever. */
  get bytes(): number {
    return (this.#mask + 1) * bytesPerPlace;
  }

  /** Most hashes that it remembers. */
  get most(): number {
    return (this.#mask + 1) / placesPerHash;
  }

  add(hash: number): void {
    // Time 0 is an empty place; after 2³² hashes a few old ones look new once.
    this.#time = (this.#time + 1) >>> 0 || 1;
    const word = (hash & this.#mask) * 2;
    this.#words[word] = hash;
    this.#words[word + 1] = this.#time;
  }

  /** Forgets `hash`; tells whether it was among the last `newest` that were added. */
  take(hash: number, newest: number): boolean {
    const word = (hash & this.#mask) * 2;
    const time = this.#words[word + 1]!;
    if (time === 0 || this.#words[word] !== hash >>> 0) return false;
    this.#words[word + 1] = 0;
    return (this.#time - time) >>> 0 < Math.min(newest, this.most);
  }
}
