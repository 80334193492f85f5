// Compiles what a route says about caching into the cache of one of its plans.

import type { RouteConfig } from '../config/schema.ts';
import type { CacheConfig } from '../config/schema-cache.ts';
import type { CacheUse } from '../core/cache.ts';
import type { Plan } from '../core/plan.ts';
import { attachStages } from './attach-stages.ts';
import { CacheKeys } from './cache/cache-key.ts';
import { compileConditions } from './cache/conditions.ts';
import type { CacheHost } from './cache/fill-context.ts';
import type { CachePolicy } from './cache/policy.ts';
import { RouteCache } from './cache/route-cache.ts';
import { Trust } from './filter/trust.ts';

/** Returns the plan with its cache, or as it is when the route does not cache; frozen. */
export function withCache(
  plan: Plan,
  route: RouteConfig,
  upstream: string,
  host: CacheHost | null,
): Plan {
  const { cache: config } = route;
  if (config === null || host === null) return Object.freeze(plan);
  const cache = compileCache(plan, config, `${route.name}\t${upstream}`, host);
  return Object.freeze({ ...plan, cache });
}

/** `partition`: plans that differ in it share no answers. */
function compileCache(
  plan: Plan,
  config: CacheConfig,
  partition: string,
  host: CacheHost,
): CacheUse {
  const { key, purgeFrom } = config;
  const stages = plan.clientStages;
  return new RouteCache({
    host,
    policy: policyOf(config),
    // What the client stages do is done for each client; sessions and retries work as ever.
    plan: Object.freeze({ ...plan, split: null, filters: null, clientStages: null, cache: null }),
    answers: {
      statusName: config.statusName,
      stages:
        stages === null ? null : (exchange) => attachStages(exchange, stages, exchange.client),
    },
    keys: new CacheKeys(partition, {
      query: { kind: key.query, names: key.queryNames },
      headers: key.headers,
      cookies: key.cookies,
      byDevice: key.device,
    }),
    keyedFields: new Set(key.headers),
    bypass: compileConditions(config.bypass),
    noStore: compileConditions(config.noStore),
    purger: purgeFrom.length === 0 ? null : new Trust(purgeFrom),
  });
}

/** Returns what decisions go by. */
export function policyOf(config: CacheConfig): CachePolicy {
  const lifetimesMs = new Map<number, number>();
  for (const [status, lifetimeMs] of Object.entries(config.lifetimesMs)) {
    lifetimesMs.set(Number(status.replace('xx', '')), lifetimeMs);
  }
  return {
    respectsOrigin: config.originDirectives === 'respect',
    respectsClient: config.clientDirectives === 'respect',
    lifetimesMs,
    heuristicRatio: config.heuristicPercent / 100,
    heuristicMaxMs: config.heuristicMaxMs,
    staleWhileRevalidateMs: config.staleWhileRevalidateMs,
    staleIfErrorMs: config.staleIfErrorMs,
    refreshesEarly: config.earlyRefresh,
    collapses: config.collapse,
    passMs: config.passMs,
    objectBytesMax: config.objectBytesMax,
    storesSetCookie: config.storesSetCookie,
    statusName: config.statusName,
  };
}
