// The purges that hold, and whether they hold for a given answer. A purge is a number that only grows (its
// generation): it reaches every answer whose request was sent before it was known. So a purge costs the
// same however much is stored; what it reaches is found out when it is looked at next.
//
// Bounded: when there are too many, the oldest is given up, and all that is older than it counts as purged.

import type { PurgeCommand, StoredResponse } from './cache.ts';

/** A purge with its place in the order of all; equal in all processes. */
export interface PurgeRecord extends PurgeCommand {
  readonly generation: number;
}

/** What `judge` says: nothing has happened, or it is gone; any higher number is below. */
export const KEPT = 0;
export const GONE = -1;

/** The newest purges of one URL, tag or prefix; 0 for none. */
interface Marks {
  readonly kind: PurgeCommand['kind'];
  readonly value: string;
  hard: number;
  soft: number;
}

/** Purges of URLs and tags that are remembered, and of prefixes, which all have to be compared. */
export const purgesMax = 65_536;
export const prefixesMax = 1024;

export class PurgeLog {
  /** That of the newest purge; 0 when there was none. */
  generation = 0;
  /** Answers whose request was sent before this count as purged. */
  floor = 0;
  readonly #all: Marks = { kind: 'all', value: '', hard: 0, soft: 0 };
  /** By kind and value, those purged last at the end. */
  readonly #marks = new Map<string, Marks>();
  readonly #prefixes = new Map<string, Marks>();
  readonly #marksMax: number;
  readonly #prefixesMax: number;

  constructor(marksMax = purgesMax, prefixMarksMax = prefixesMax) {
    this.#marksMax = marksMax;
    this.#prefixesMax = prefixMarksMax;
  }

  /** Adds a purge; false when it is known. They may come in any order. */
  add({ kind, value, isSoft, generation }: PurgeRecord): boolean {
    const marks = this.#marksOf(kind, value);
    if (generation <= (isSoft ? marks.soft : marks.hard)) return false;
    if (isSoft) marks.soft = generation;
    else marks.hard = generation;
    this.generation = Math.max(this.generation, generation);
    if (kind === 'all' && !isSoft) this.#forget(generation);
    this.#shrink(this.#marks, this.#marksMax);
    this.#shrink(this.#prefixes, this.#prefixesMax);
    return true;
  }

  /** Another process gave up what is older than that. */
  raiseFloor(generation: number): void {
    this.floor = Math.max(this.floor, generation);
    this.generation = Math.max(this.generation, generation);
  }

  /**
   * Returns KEPT, GONE, or the generation of the soft purge that made the answer stale. Purges up to
   * `since` do not count: it was judged then, or its request was sent after them.
   */
  judge({ url, tags }: Pick<StoredResponse, 'url' | 'tags'>, since: number): number {
    if (since >= this.generation) return KEPT;
    if (since < this.floor || since < this.#all.hard) return GONE;
    let soft = this.#all.soft;
    const own = this.#marks.size === 0 ? undefined : this.#marks.get(`u${url}`);
    if (own !== undefined) {
      if (own.hard > since) return GONE;
      if (own.soft > soft) soft = own.soft;
    }
    for (const tag of this.#marks.size === 0 ? [] : tags) {
      const marks = this.#marks.get(`t${tag}`);
      if (marks === undefined) continue;
      if (marks.hard > since) return GONE;
      if (marks.soft > soft) soft = marks.soft;
    }
    for (const marks of this.#prefixes.values()) {
      if (marks.hard <= since && marks.soft <= since) continue;
      if (!url.startsWith(marks.value)) continue;
      if (marks.hard > since) return GONE;
      if (marks.soft > soft) soft = marks.soft;
    }
    return soft > since ? soft : KEPT;
  }

  /** Returns all purges after that generation, oldest first. */
  since(generation: number): PurgeRecord[] {
    const records: PurgeRecord[] = [];
    for (const marks of this.#every()) {
      const { kind, value, hard, soft } = marks;
      if (hard > generation) records.push({ kind, value, isSoft: false, generation: hard });
      if (soft > generation && soft > hard) {
        records.push({ kind, value, isSoft: true, generation: soft });
      }
    }
    return records.sort((a, b) => a.generation - b.generation);
  }

  /** Purges that are remembered one by one. */
  get size(): number {
    return this.#marks.size + this.#prefixes.size;
  }

  *#every(): Iterable<Marks> {
    yield this.#all;
    yield* this.#marks.values();
    yield* this.#prefixes.values();
  }

  #marksOf(kind: PurgeCommand['kind'], value: string): Marks {
    if (kind === 'all') return this.#all;
    const map = kind === 'prefix' ? this.#prefixes : this.#marks;
    const key = kind === 'prefix' ? value : `${kind === 'url' ? 'u' : 't'}${value}`;
    const marks = map.get(key) ?? { kind, value, hard: 0, soft: 0 };
    // To the end: the order is that of the last purges.
    map.delete(key);
    map.set(key, marks);
    return marks;
  }

  /** All that was stored before is gone: no older purge says more than that. */
  #forget(generation: number): void {
    for (const map of [this.#marks, this.#prefixes]) {
      for (const [key, { hard, soft }] of map) {
        if (hard <= generation && soft <= generation) map.delete(key);
      }
    }
    if (this.#all.soft <= generation) this.#all.soft = 0;
  }

  #shrink(map: Map<string, Marks>, most: number): void {
    for (const [key, { hard, soft }] of map) {
      if (map.size <= most) return;
      map.delete(key);
      this.floor = Math.max(this.floor, hard, soft);
    }
  }
}
