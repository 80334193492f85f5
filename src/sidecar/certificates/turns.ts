// So many at a time, the others in the order in which they came.

export class Turns {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Settles when it is one's turn, with the function that gives it back. */
  async take(): Promise<() => void> {
    if (this.#running >= this.#most)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    };
  }
}
