// Makes the filters that count requests out of a route's settings.

import { createHmac } from 'node:crypto';
import type { RouteConfig } from '../config/schema.ts';
import type { RequestFilter } from '../core/filter.ts';
import { GcraTable } from '../std/gcra-table.ts';
import { HalfSipHash } from '../std/half-sip-hash.ts';
import { compileLimitKey, isOfCredentials } from './filter/limit/limit-key.ts';
import { RateLimitFilter, type Window } from './filter/limit/rate-limit.ts';
import { RedisLimitFilter } from './filter/limit/redis-limit.ts';
import { RedisScript } from './filter/limit/redis-script.ts';
import type { Kept } from './kept.ts';
import type { RouteContext } from './route-context.ts';

type RateLimitConfig = RouteConfig['rateLimits'][number];

/** A window with its counts, which outlive the configuration that made it. */
class KeptWindow implements Kept {
  readonly window: Window;
  readonly #onClose: () => void;

  constructor(window: Window, onClose: () => void) {
    this.window = window;
    this.#onClose = onClose;
  }

  close(): void {
    this.#onClose();
  }
}

/** The limits by whom somebody proved to be come after that was asked for, all others before. */
export function compileRateLimits(
  route: RouteConfig,
  context: RouteContext,
  isByUser: boolean,
): RequestFilter | null {
  const limits = route.rateLimits
    .map((limit, at) => ({ ...limit, name: limit.name ?? `limit-${at + 1}` }))
    .filter(({ key }) => isOfCredentials(key) === isByUser);
  if (limits.length === 0) return null;
  const windows = limits.map((limit) => windowOf(route.name, limit, context));
  const inRedis = limits.some(({ scope }) => scope === 'redis');
  const { rateLimits: parts, kept, events, config } = context;
  const local = new RateLimitFilter({
    windows,
    hash: new HalfSipHash(createHmac('sha256', parts.secret).update('rate limits').digest()),
    nowMs: () => performance.now(),
    onNews: parts.spending.onNews,
  });
  if (!inRedis) return local;
  const { url, timeoutMs, whenDown } = config.redis;
  const redis = kept.get(
    `redis ${url} ${timeoutMs}`,
    () =>
      new RedisScript({
        url: url!,
        timeoutMs,
        onProblem: (detail) => events.error({ detail, whenDown }, 'Redis can not be asked'),
        onUp: () => events.info({}, 'Redis counts'),
      }),
  );
  return new RedisLimitFilter({ windows, redis, prefix: `sluice:${route.name}:`, whenDown, local });
}

function windowOf(
  route: string,
  limit: RateLimitConfig & { readonly name: string },
  { kept, rateLimits: { spending, secret }, config }: RouteContext,
): Window {
  const { name, key, requests, perMs, burst, delayMaxMs, scope, keysMax } = limit;
  const label = JSON.stringify([route, limit]);
  const make = () => {
    const intervalMs = perMs / requests;
    const rate = { intervalMs, toleranceMs: intervalMs * (burst ?? requests) };
    const table = new GcraTable(keysMax);
    const isShared = scope !== 'worker' && config.cores > 1;
    // The same in all workers, and another for other settings: counts of one are nothing to the other.
    const id = createHmac('sha256', secret).update(label).digest().readUInt32BE(0);
    if (isShared) spending.add(id, { table, rate });
    const window: Window = {
      ...{ name, requests, perMs, rate, delayMaxMs, table, isShared },
      key: compileLimitKey(key),
    };
    return new KeptWindow(window, () => spending.remove(id));
  };
  return kept.get(`rate limit ${label}`, make).window;
}
