// Rates by the generic cell rate algorithm, one number per key: the time at which a key would have used up
// nothing of its allowance again ("theoretical arrival time"). A table of fixed size: of the sixteen places
// that a key may have, one whose allowance is whole again is taken, else the one that soonest will be.

/** Places of one key. */
const WINDOW = 16;

export interface Rate {
  /** Time that one request costs, in ms. */
  readonly intervalMs: number;
  /** How far ahead of time a key may be: requests at once × intervalMs. */
  readonly toleranceMs: number;
}

export class GcraTable {
  readonly #mask: number;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  /** Arrival time of each place in ms; 0: free. */
  readonly #arrivalMs: Float64Array;
  /** Requests that nobody else was told of. */
  readonly #untold: Uint32Array;
  /** Places with such requests. */
  #dirty: number[] = [];

  /** Holds `keysMax` keys, rounded up to a power of two: 20 bytes each. */
  constructor(keysMax: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(keysMax, WINDOW)));
    this.#mask = size - 1;
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#arrivalMs = new Float64Array(size);
    this.#untold = new Uint32Array(size);
  }

  /**
   * Returns how long a request of the key would have to wait for its turn, in ms: 0 or less is now. `place`
   * is from `placeOf`.
   */
  waitMs(place: number, { intervalMs, toleranceMs }: Rate, nowMs: number): number {
    const arrivalMs = Math.max(this.#arrivalMs[place]!, nowMs);
    return arrivalMs + intervalMs - nowMs - toleranceMs;
  }

  /** Counts a request. */
  spend(place: number, { intervalMs }: Rate, nowMs: number): void {
    this.#arrivalMs[place] = Math.max(this.#arrivalMs[place]!, nowMs) + intervalMs;
  }

  /** Counts a request of which others are to be told. */
  spendShared(place: number, rate: Rate, nowMs: number): void {
    this.spend(place, rate, nowMs);
    const untold = this.#untold[place]!;
    if (untold === 0) this.#dirty.push(place);
    this.#untold[place] = untold + 1;
  }

  /** Counts requests that others have let pass. */
  spentElsewhere(place: number, { intervalMs }: Rate, nowMs: number, count: number): void {
    const arrivalMs = Math.max(this.#arrivalMs[place]!, nowMs);
    this.#arrivalMs[place] = arrivalMs + count * intervalMs;
  }

  /** There is something to tell. */
  get hasNews(): boolean {
    return this.#dirty.length > 0;
  }

  /** Calls `tell` for every key with requests that nobody was told of, at most `countMax` times. */
  takeNews(countMax: number, tell: (high: number, low: number, count: number) => void): void {
    const told = this.#dirty.splice(0, countMax);
    for (const place of told) {
      const count = this.#untold[place]!;
      this.#untold[place] = 0;
      if (count > 0) tell(this.#high[place]!, this.#low[place]!, count);
    }
  }

  /** Returns the place of a key (two halves of a hash), which it gets when it has none. */
  placeOf(high: number, low: number, nowMs: number): number {
    let soonest = -1;
    let soonestMs = Number.POSITIVE_INFINITY;
    for (let step = 0; step < WINDOW; step++) {
      const place = (low + step) & this.#mask;
      const arrivalMs = this.#arrivalMs[place]!;
      if (this.#low[place] === low && this.#high[place] === high && arrivalMs !== 0) return place;
      if (arrivalMs < soonestMs) {
        soonest = place;
        soonestMs = arrivalMs;
      }
    }
    this.#high[soonest] = high;
    this.#low[soonest] = low;
    this.#arrivalMs[soonest] = nowMs;
    this.#untold[soonest] = 0;
    return soonest;
  }
}
