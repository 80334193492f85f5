// Answers and errors of the last seconds: a ring of ten slots, so that time passes in tenths of the window.

const slotCount = 10;

export interface Traffic {
  readonly answers: number;
  readonly errors: number;
}

export class TrafficWindow {
  readonly windowMs: number;
  readonly #answers = new Float64Array(slotCount);
  readonly #errors = new Float64Array(slotCount);
  /** Number of the newest slot since the beginning of time. */
  #newest = 0;
  #answersSum = 0;
  #errorsSum = 0;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  add({ answers, errors }: Traffic, atMs: number): void {
    this.#moveTo(atMs);
    const slot = this.#newest % slotCount;
    this.#answers[slot]! += answers;
    this.#errors[slot]! += errors;
    this.#answersSum += answers;
    this.#errorsSum += errors;
  }

  /** Returns what came in the last `windowMs`, give or take a tenth of it. */
  sumAt(atMs: number): Traffic {
    this.#moveTo(atMs);
    return { answers: this.#answersSum, errors: this.#errorsSum };
  }

  clear(): void {
    this.#answers.fill(0);
    this.#errors.fill(0);
    this.#answersSum = 0;
    this.#errorsSum = 0;
  }

  #moveTo(atMs: number): void {
    const now = Math.floor((atMs * slotCount) / this.windowMs);
    if (now - this.#newest >= slotCount) this.clear();
    else {
      for (let number = this.#newest + 1; number <= now; number++) {
        const slot = number % slotCount;
        this.#answersSum -= this.#answers[slot]!;
        this.#errorsSum -= this.#errors[slot]!;
        this.#answers[slot] = 0;
        this.#errors[slot] = 0;
      }
    }
    if (now > this.#newest) this.#newest = now;
  }
}
