// Ids of peers under small numbers, counted, so that a table of sessions holds each id once and forgets
// those that no session is on.

export class StickNames {
  readonly #ids: string[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #uses: number[] = [];
  readonly #free: number[] = [];

  /** Ids that are in use. */
  get size(): number {
    return this.#numbers.size;
  }

  idOf(number: number): string {
    return this.#ids[number]!;
  }

  /** Returns the number of an id, and counts one use of it. */
  take(id: string): number {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#ids.length;
      this.#ids[number] = id;
      this.#uses[number] = 0;
      this.#numbers.set(id, number);
    }
    this.#uses[number]! += 1;
    return number;
  }

  /** One use of a number is over; with the last, its id is forgotten. */
  release(number: number): void {
    this.#uses[number]! -= 1;
    if (this.#uses[number]! > 0) return;
    this.#numbers.delete(this.#ids[number]!);
    this.#ids[number] = '';
    this.#free.push(number);
  }
}
