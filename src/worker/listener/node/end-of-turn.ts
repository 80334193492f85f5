// What wants to be looked at when everything that is here has been read: bodies that are small come in one
// piece then, and heads that no body has followed leave alone.

export interface Turning {
  endTurn(): void;
}

export class EndOfTurn {
  readonly #report: (error: unknown) => void;
  #waiting: Turning[] = [];
  readonly #run = () => this.#finish();

  constructor(report: (error: unknown) => void) {
    this.#report = report;
  }

  add(turning: Turning): void {
    this.#waiting.push(turning);
    if (this.#waiting.length === 1) setImmediate(this.#run);
  }

  #finish(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      try {
        one.endTurn();
      } catch (error) {
        this.#report(error);
      }
    }
  }
}
