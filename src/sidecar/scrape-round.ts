// One question to all workers and what comes back: scatter, gather, and a limit on the wait. A worker
// that does not answer is named, not waited for.

import type { MetricsPart } from '../channel/messages.ts';
import { MetricsParts } from '../channel/metrics-parts.ts';

/** Whom a round asks. */
export interface Scraped {
  readonly slot: number;
  readonly generation: number;
}

export interface ScrapeAnswer extends Scraped {
  /** An encoded snapshot. */
  readonly bytes: Uint8Array;
  /** The worker left before all others had answered. */
  readonly isGone: boolean;
}

export interface ScrapeResult {
  readonly answers: readonly ScrapeAnswer[];
  /** Slots of the workers that gave none in time. */
  readonly missing: readonly number[];
}

export class ScrapeRound {
  readonly id: number;
  readonly result: Promise<ScrapeResult>;
  readonly #pending = new Map<number, { readonly slot: number; readonly parts: MetricsParts }>();
  readonly #answers: Omit<ScrapeAnswer, 'isGone'>[] = [];
  readonly #missing: number[] = [];
  readonly #gone = new Set<number>();
  readonly #onEnd: () => void;
  readonly #timer: NodeJS.Timeout;
  #settle: (result: ScrapeResult) => void = () => {};

  /** `onEnd` comes before the result settles. */
  constructor(id: number, timeoutMs: number, onEnd: () => void) {
    this.id = id;
    this.#onEnd = onEnd;
    this.result = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#timer = setTimeout(() => this.finish(), timeoutMs);
  }

  /** Waits for this worker too; not when it could not be asked. */
  expect({ slot, generation }: Scraped, asked: boolean): void {
    if (asked) this.#pending.set(generation, { slot, parts: new MetricsParts() });
    else this.#missing.push(slot);
  }

  /** Everybody has been asked. */
  begin(): void {
    if (this.#pending.size === 0) this.finish();
  }

  receive({ slot, generation }: Scraped, message: MetricsPart): void {
    const pending = this.#pending.get(generation);
    if (pending === undefined || message.id !== this.id) return;
    const bytes = pending.parts.add(message);
    if (bytes === undefined) return;
    if (bytes === null) this.leave({ slot, generation });
    else {
      this.#pending.delete(generation);
      this.#answers.push({ slot, generation, bytes });
      this.begin();
    }
  }

  /** This worker will not answer, unless it has. */
  leave({ slot, generation }: Scraped): void {
    if (!this.#pending.delete(generation)) {
      this.#gone.add(generation);
      return;
    }
    this.#missing.push(slot);
    this.begin();
  }

  /** Ends the round with what is there. */
  finish(): void {
    clearTimeout(this.#timer);
    for (const { slot } of this.#pending.values()) this.#missing.push(slot);
    this.#pending.clear();
    this.#onEnd();
    const answers = this.#answers.map((answer) => {
      return { ...answer, isGone: this.#gone.has(answer.generation) };
    });
    this.#settle({ answers, missing: this.#missing.sort((a, b) => a - b) });
  }
}
