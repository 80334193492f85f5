// Lets only so many exchanges of a kind run at a time in this worker; one too many is refused (429). What an
// exchange holds it gives back when it is finished, however that comes.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange, Held } from '../../../core/exchange.ts';
import type { RequestFilter, Verdict } from '../../../core/filter.ts';
import type { LimitKey } from './limit-key.ts';

export interface ConcurrencyLimit {
  readonly name: string;
  readonly max: number;
  readonly key: LimitKey;
  /** Exchanges that run, by key; keys at 0 are not in it, so it is as bounded as exchanges are. */
  readonly running: Map<string, number>;
}

export class ConcurrencyFilter implements RequestFilter {
  readonly name = 'concurrency';
  readonly #limits: readonly ConcurrencyLimit[];

  constructor(limits: readonly ConcurrencyLimit[]) {
    this.#limits = limits;
  }

  /** What was taken before a limit refuses is given back with the rest. */
  apply(exchange: Exchange): Verdict {
    for (const limit of this.#limits) {
      const key = limit.key(exchange);
      if (key === '') continue;
      const running = limit.running.get(key) ?? 0;
      if (running >= limit.max) {
        return new ProxyError('too_many_requests', `concurrency ${limit.name}`);
      }
      limit.running.set(key, running + 1);
      exchange.held = new Place(limit.running, key, exchange.held);
    }
    return undefined;
  }
}

/** One of the exchanges that run. */
class Place implements Held {
  readonly #running: Map<string, number>;
  readonly #key: string;
  readonly next: Held | null;

  constructor(running: Map<string, number>, key: string, next: Held | null) {
    this.#running = running;
    this.#key = key;
    this.next = next;
  }

  release(): void {
    const others = this.#running.get(this.#key)! - 1;
    if (others > 0) this.#running.set(this.#key, others);
    else this.#running.delete(this.#key);
  }
}
