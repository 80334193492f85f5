// Keys whose answers were longer than the cache keeps, and had not said so before. What comes next under one
// of them, and says nothing again, is not worth holding; what says that it is short is stored as any other.

import { RecentNumbers } from '../../std/recent-numbers.ts';

/** So many of the last are known: whoever is forgotten is held once more. */
const KEYS_MAX = 1024;

export class Overlong {
  /** Unix time in ms until which it counts. */
  readonly #until = new RecentNumbers(KEYS_MAX, 1);

  add(key: string, untilMs: number): void {
    this.#until.set(key, untilMs);
  }

  /** Returns for how many ms it still counts; 0 when it does not. */
  leftMs(key: string, nowMs: number): number {
    const place = this.#until.find(key);
    return place === -1 ? 0 : Math.max(0, this.#until.at(place) - nowMs);
  }
}
