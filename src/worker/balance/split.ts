// Shares a route among several upstreams by weight: a canary, a blue-green switch. With a key, a client
// stays where it is as long as the weights do, and when they change only the difference moves: each
// upstream owns a range of [0, 1), in the order of the configuration, and a key is a point in it.

import type { Exchange } from '../../core/exchange.ts';
import type { Plan, Split } from '../../core/plan.ts';
import { hash32 } from '../../std/hash.ts';
import { type HashKey, hashText } from './hash-key.ts';

export interface Share {
  readonly plan: Plan;
  /** Not negative; one is above 0. */
  readonly weight: number;
}

export class WeightedSplit implements Split {
  readonly #plans: readonly Plan[];
  /** Where the range of each plan ends. */
  readonly #ends: Float64Array;
  readonly #key: HashKey | null;
  readonly #random: () => number;

  /** `key` null: by chance, each exchange for itself. */
  constructor(shares: readonly Share[], key: HashKey | null, random: () => number) {
    this.#plans = shares.map(({ plan }) => plan);
    this.#key = key;
    this.#random = random;
    const sum = shares.reduce((total, { weight }) => total + weight, 0);
    this.#ends = new Float64Array(shares.length);
    let end = 0;
    for (const [at, { weight }] of shares.entries()) {
      end += weight;
      this.#ends[at] = end / sum;
    }
  }

  choose(exchange: Exchange): Plan {
    const point =
      this.#key === null ? this.#random() : hash32(hashText(exchange, this.#key)) / 2 ** 32;
    const ends = this.#ends;
    let at = 0;
    while (point >= ends[at]!) at += 1;
    return this.#plans[at]!;
  }
}
