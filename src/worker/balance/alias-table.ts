// Draws an index at random in proportion to weights, in constant time (Walker's alias method as built by
// Vose): every column holds one index and, above a threshold, another.

export class AliasTable {
  readonly #thresholds: Float64Array;
  readonly #aliases: Uint32Array;

  /** `weights`: not negative; all zero draws evenly. */
  constructor(weights: ArrayLike<number>) {
    const count = weights.length;
    this.#thresholds = new Float64Array(count).fill(1);
    this.#aliases = new Uint32Array(count);
    let sum = 0;
    for (let at = 0; at < count; at++) sum += weights[at]!;
    if (sum === 0) return;
    const scaled = new Float64Array(count);
    for (let at = 0; at < count; at++) scaled[at] = (weights[at]! * count) / sum;
    const small: number[] = [];
    const large: number[] = [];
    for (let at = 0; at < count; at++) (scaled[at]! < 1 ? small : large).push(at);
    while (small.length > 0 && large.length > 0) {
      const less = small.pop()!;
      const more = large.at(-1)!;
      this.#thresholds[less] = scaled[less]!;
      this.#aliases[less] = more;
      scaled[more]! -= 1 - scaled[less]!;
      if (scaled[more]! < 1) small.push(large.pop()!);
    }
  }

  /** Returns an index; `random` is from [0, 1). The fraction of the column serves as the second draw. */
  draw(random: number): number {
    const scaled = random * this.#thresholds.length;
    const column = Math.floor(scaled);
    return scaled - column < this.#thresholds[column]! ? column : this.#aliases[column]!;
  }
}
