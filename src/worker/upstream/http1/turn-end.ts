// Work put off to the end of this turn of the event loop, all of it behind one setImmediate.

/** Something that has put off work. */
export interface Postponed {
  endOfTurn(): void;
}

export class TurnEnd {
  #waiting: Postponed[] = [];
  readonly #run = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const postponed of waiting) postponed.endOfTurn();
  };

  /** Calls `postponed.endOfTurn` once, after all I/O of this turn. */
  add(postponed: Postponed): void {
    if (this.#waiting.length === 0) setImmediate(this.#run);
    this.#waiting.push(postponed);
  }
}
