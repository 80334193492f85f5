// Numbers by text, the latest, in a fixed piece of memory: for what comes thousands of times a second, has to
// be remembered for a while, and would as strings and objects be work for the garbage collector each time
// (a Map that drops its oldest: 3 to 20 µs; one of two generations: 1.4; this: 0.15).
//
// Texts are known by 64 bits of hash: two that have the same are taken for one another.

import { mix32 } from './hash.ts';

/** Places in which one text may be. */
const WAYS = 4;
/** Places for each text that is to be remembered: with fewer, more find all of theirs taken too early. */
const PLACES_PER_TEXT = 2;
/** Two words of hash, and when it was set; 0 for a place that is free. */
const WORDS = 3;

export class RecentNumbers {
  /** Numbers of each text. */
  readonly #columns: number;
  readonly #mask: number;
  #words: Uint32Array | null = null;
  #values = new Float64Array(0);
  #time = 0;
  /** Hashes of the text that was asked for. */
  #first = 0;
  #second = 0;

  /** Remembers `columns` numbers each for nearly all of the last `most` texts; takes no memory until then. */
  constructor(most: number, columns: number) {
    this.#columns = columns;
    this.#mask = 2 ** Math.ceil(Math.log2((most * PLACES_PER_TEXT) / WAYS)) - 1;
  }

  /** Returns the place of what is known of `text`, for `at`; -1 when nothing is. Valid until the next `set`. */
  find(text: string): number {
    if (this.#words === null) return -1;
    this.#hash(text);
    return this.#placeOf(this.#words);
  }

  /** Returns a number at a place. */
  at(place: number, column = 0): number {
    return this.#values[place * this.#columns + column]!;
  }

  /** Sets the numbers of `text`; in their places, of those that share them, the oldest is forgotten. */
  set(text: string, first: number, second = 0): void {
    const words = this.#words ?? this.#open();
    this.#hash(text);
    const known = this.#placeOf(words);
    const place = known === -1 ? this.#oldest(words) : known;
    this.#time = (this.#time + 1) >>> 0 || 1;
    words[place * WORDS] = this.#first;
    words[place * WORDS + 1] = this.#second;
    words[place * WORDS + 2] = this.#time;
    this.#values[place * this.#columns] = first;
    if (this.#columns > 1) this.#values[place * this.#columns + 1] = second;
  }

  delete(text: string): void {
    const place = this.find(text);
    if (place !== -1) this.#words![place * WORDS + 2] = 0;
  }

  /** Forgets all texts whose first number is that one. */
  forget(first: number): void {
    const words = this.#words ?? [];
    for (let word = 0; word < words.length; word += WORDS) {
      if (this.at(word / WORDS) === first) words[word + 2] = 0;
    }
  }

  /** How many texts have a first number above that one. */
  countAbove(first: number): number {
    const words = this.#words ?? [];
    let count = 0;
    for (let word = 0; word < words.length; word += WORDS) {
      if (words[word + 2] !== 0 && this.at(word / WORDS) > first) count += 1;
    }
    return count;
  }

  clear(): void {
    this.#words?.fill(0);
  }

  #open(): Uint32Array {
    const places = (this.#mask + 1) * WAYS;
    this.#words = new Uint32Array(places * WORDS);
    this.#values = new Float64Array(places * this.#columns);
    return this.#words;
  }

  #hash(text: string): void {
    let first = 0x9747b28c;
    let second = text.length;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      first = Math.imul(first ^ code, 0x9e3779b1);
      first ^= first >>> 15;
      second = Math.imul(second + code, 0x85ebca6b);
      second ^= second >>> 13;
    }
    this.#first = mix32(first);
    this.#second = mix32(second);
  }

  #placeOf(words: Uint32Array): number {
    const from = (this.#first & this.#mask) * WAYS;
    for (let place = from; place < from + WAYS; place++) {
      const word = place * WORDS;
      if (words[word] !== this.#first || words[word + 1] !== this.#second) continue;
      if (words[word + 2] !== 0) return place;
    }
    return -1;
  }

  #oldest(words: Uint32Array): number {
    const from = (this.#first & this.#mask) * WAYS;
    let oldest = from;
    let age = -1;
    for (let place = from; place < from + WAYS; place++) {
      const time = words[place * WORDS + 2]!;
      if (time === 0) return place;
      const its = (this.#time - time) >>> 0;
      if (its <= age) continue;
      age = its;
      oldest = place;
    }
    return oldest;
  }
}
