// When a second attempt begins: learned from the times to the response head of one upstream. What such an
// attempt does is in hedge.ts.

import type { Hedgeable, Hedging } from '../core/hedging.ts';
import type { Kept } from './kept.ts';

export interface HedgeClockOptions {
  /** Percentile of the times that is waited for. */
  readonly percentile: number;
  readonly delayMinMs: number;
  readonly budget: Hedging['budget'];
}

interface Waiting {
  readonly exchange: Hedgeable;
  readonly dueMs: number;
}

/** Fewer times say nothing about the slowest. */
const samplesMin = 100;

export class HedgeClock implements Hedging, Kept {
  readonly budget: Hedging['budget'];
  readonly #delayMinMs: number;
  readonly #times: SlidingPercentile;
  /** In the order of arrival; the delay changes slowly, so hardly anybody waits behind a later one. */
  readonly #waiting: Waiting[] = [];
  #first = 0;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor({ percentile, delayMinMs, budget }: HedgeClockOptions) {
    this.budget = budget;
    this.#delayMinMs = delayMinMs;
    this.#times = new SlidingPercentile(percentile / 100);
  }

  /** Time after which a second attempt begins, in ms; Infinity while too little is known. */
  get delayMs(): number {
    if (this.#times.count < samplesMin) return Number.POSITIVE_INFINITY;
    return Math.max(this.#delayMinMs, this.#times.valueMs);
  }

  watch(exchange: Hedgeable): void {
    const { delayMs } = this;
    if (delayMs === Number.POSITIVE_INFINITY || this.#isClosed) return;
    this.#waiting.push({ exchange, dueMs: performance.now() + delayMs });
    this.#arm();
  }

  sample(timeMs: number): void {
    this.#times.add(timeMs);
  }

  /** Exchanges that still hold it go on with their first attempts alone. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#waiting.length = 0;
  }

  /** One timer for all who wait. */
  #arm(): void {
    const next = this.#waiting[this.#first];
    if (this.#timer !== null || next === undefined) return;
    this.#timer = setTimeout(() => this.#look(), Math.max(1, next.dueMs - performance.now()));
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = null;
    const now = performance.now();
    let next = this.#waiting[this.#first];
    while (next !== undefined && next.dueMs <= now) {
      this.#first += 1;
      next.exchange.hedge();
      next = this.#waiting[this.#first];
    }
    this.#waiting.splice(0, this.#first);
    this.#first = 0;
    this.#arm();
  }
}

/** Eight buckets an octave from 1 µs: within 9 %; the last one ends after more than an hour. */
const perOctave = 8;
const bucketCount = 32 * perOctave;
/** So many samples weigh as much as all before them. */
const halvedEvery = 1000;
const readEvery = 50;

/** A percentile of times, of which old ones fade away. */
export class SlidingPercentile {
  readonly #share: number;
  readonly #buckets = new Float64Array(bucketCount);
  /** Samples ever. */
  count = 0;
  #weight = 0;
  #valueMs = 0;
  #isReadAt = 0;

  constructor(share: number) {
    this.#share = share;
  }

  add(timeMs: number): void {
    const octaves = Math.log2(Math.max(1, timeMs * 1000));
    this.#buckets[Math.min(bucketCount - 1, Math.floor(octaves * perOctave))]! += 1;
    this.#weight += 1;
    this.count += 1;
    if (this.count % halvedEvery !== 0) return;
    for (let at = 0; at < bucketCount; at++) this.#buckets[at]! /= 2;
    this.#weight /= 2;
  }

  /** The percentile in ms, at most 50 samples old; the upper end of its bucket. */
  get valueMs(): number {
    if (this.#isReadAt === 0 || this.count - this.#isReadAt >= readEvery) this.#read();
    return this.#valueMs;
  }

  #read(): void {
    this.#isReadAt = this.count;
    let below = 0;
    let at = 0;
    while (at < bucketCount - 1) {
      below += this.#buckets[at]!;
      if (below >= this.#share * this.#weight) break;
      at += 1;
    }
    this.#valueMs = 2 ** ((at + 1) / perOctave) / 1000;
  }
}
