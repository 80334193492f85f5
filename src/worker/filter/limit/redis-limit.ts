// Limits that several hosts share: the counts are in Redis, one round trip per request, in bounded time.
// While Redis can't be asked the limits of this host count, everybody passes, or nobody, as configured.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { RequestFilter, Settled, Verdict } from '../../../core/filter.ts';
import { type RateLimitFilter, refusal, type Window } from './rate-limit.ts';
import type { RedisScript } from './redis-script.ts';

export interface RedisLimitOptions {
  readonly windows: readonly Window[];
  readonly redis: RedisScript;
  /** Begins the names of all keys; tells the limits of routes apart. */
  readonly prefix: string;
  readonly whenDown: 'local' | 'open' | 'closed';
  /** The same windows by this host's own counts. */
  readonly local: RateLimitFilter;
}

export class RedisLimitFilter implements RequestFilter {
  readonly name = 'rate-limit';
  readonly #options: RedisLimitOptions;

  constructor(options: RedisLimitOptions) {
    this.#options = options;
  }

  apply(exchange: Exchange): Verdict {
    const { windows, redis, prefix } = this.#options;
    const asked: Window[] = [];
    const keys: string[] = [];
    for (const window of windows) {
      const key = window.key(exchange);
      if (key === '') continue;
      asked.push(window);
      keys.push(`${prefix}${window.name}:${key}`);
    }
    if (asked.length === 0) return undefined;
    if (!redis.isUp) return this.#without(exchange);
    return this.#ask(exchange, asked, keys);
  }

  async #ask(exchange: Exchange, asked: readonly Window[], keys: string[]): Promise<Settled> {
    const { redis } = this.#options;
    const numbers = asked.flatMap(({ rate, delayMaxMs }) => [
      rate.intervalMs,
      rate.toleranceMs,
      delayMaxMs,
    ]);
    const answer = await redis.run(keys, numbers);
    if (answer === null) return this.#without(exchange);
    const [index, waitMs] = answer;
    const window = asked[index - 1];
    if (window !== undefined) return refusal(window, waitMs);
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    return undefined;
  }

  #without(exchange: Exchange): Verdict {
    const { whenDown, local } = this.#options;
    if (whenDown === 'local') return local.apply(exchange);
    if (whenDown === 'open') return undefined;
    return new ProxyError('access_unavailable', 'Redis cannot be asked for limits');
  }
}
