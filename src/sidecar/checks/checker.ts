// When which peer is checked: each on its own clock, with jitter, so that a thousand are never asked at
// once. What the outcomes mean is the shared state's business.

import { messageOf } from '../../std/message-of.ts';
import type { CheckOutcome, CheckTarget } from './check-target.ts';
import { checkHttp } from './http-check.ts';
import { checkTcp } from './tcp-check.ts';

export interface CheckerOptions {
  readonly onOutcome: (id: string, outcome: CheckOutcome) => void;
  /** Whether the peer is to be asked again soon. */
  readonly isUnsettled: (id: string) => boolean;
  readonly check?: (target: CheckTarget) => Promise<CheckOutcome>;
  readonly random?: () => number;
}

/** Checks that run at a time; the next ones wait their turn. */
const runningMax = 256;
/** A check is late or early by this share of the interval. */
const jitter = 0.1;

interface Round {
  readonly target: CheckTarget;
  /** Settings and address, to tell whether a new configuration changes anything. */
  readonly key: string;
  timer: NodeJS.Timeout | undefined;
}

export class Checker {
  readonly #options: CheckerOptions;
  readonly #check: (target: CheckTarget) => Promise<CheckOutcome>;
  readonly #random: () => number;
  readonly #rounds = new Map<string, Round>();
  readonly #waiting: Round[] = [];
  #running = 0;

  constructor(options: CheckerOptions) {
    this.#options = options;
    this.#check = options.check ?? check;
    this.#random = options.random ?? Math.random;
  }

  /** Checks that run now. */
  get running(): number {
    return this.#running;
  }

  /** Checks these targets from now on, and no others; those that stay the same keep their clock. */
  follow(targets: readonly CheckTarget[]): void {
    const before = new Map(this.#rounds);
    this.#rounds.clear();
    for (const target of targets) {
      const key = JSON.stringify(target);
      const known = before.get(target.id);
      if (known?.key === key) {
        before.delete(target.id);
        this.#rounds.set(target.id, known);
      } else {
        const round: Round = { target, key, timer: undefined };
        this.#rounds.set(target.id, round);
        this.#later(round, this.#random() * target.settings.downIntervalMs);
      }
    }
    for (const { timer } of before.values()) clearTimeout(timer);
  }

  stop(): void {
    this.follow([]);
    this.#waiting.length = 0;
  }

  #later(round: Round, delayMs: number): void {
    round.timer = setTimeout(() => {
      this.#waiting.push(round);
      this.#begin();
    }, delayMs);
  }

  #begin(): void {
    while (this.#running < runningMax) {
      const round = this.#waiting.shift();
      if (round === undefined) return;
      if (this.#isCurrent(round)) void this.#run(round);
    }
  }

  async #run(round: Round): Promise<void> {
    const { target } = round;
    const { intervalMs, downIntervalMs } = target.settings;
    const startedAtMs = performance.now();
    this.#running += 1;
    const outcome = await this.#outcomeOf(target);
    this.#running -= 1;
    if (this.#isCurrent(round)) {
      this.#options.onOutcome(target.id, outcome);
      const isUnsettled = this.#options.isUnsettled(target.id);
      const everyMs = isUnsettled ? Math.min(downIntervalMs, intervalMs) : intervalMs;
      const dueMs = everyMs * (1 + jitter * (2 * this.#random() - 1));
      const tookMs = performance.now() - startedAtMs;
      this.#later(round, Math.max(dueMs - tookMs, dueMs * jitter));
    }
    this.#begin();
  }

  /** A check that can't even be begun is a bad one. */
  async #outcomeOf(target: CheckTarget): Promise<CheckOutcome> {
    try {
      return await this.#check(target);
    } catch (error) {
      return { good: false, why: messageOf(error) };
    }
  }

  #isCurrent(round: Round): boolean {
    return this.#rounds.get(round.target.id) === round;
  }
}

function check(target: CheckTarget): Promise<CheckOutcome> {
  return target.settings.type === 'tcp' ? checkTcp(target) : checkHttp(target);
}
