// Compiles what a route says about caching into the cache of one of its plans.

import { createHash } from 'node:crypto';
import type { RouteConfig } from '../config/schema.ts';
import type { CacheConfig } from '../config/schema-cache.ts';
import type { CacheUse } from '../core/cache.ts';
import type { Plan } from '../core/plan.ts';
import { attachStages } from './attach-stages.ts';
import { CacheKeys, isPlainRule, type KeyRule, type ToldFields } from './cache/cache-key.ts';
import { compileConditions, orUnclear } from './cache/conditions.ts';
import type { CacheHost } from './cache/fill-context.ts';
import type { CachePolicy } from './cache/policy.ts';
import { RouteCache } from './cache/route-cache.ts';
import { isClaim, toldBy } from './filter/forwarded.ts';
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
  const rule = keyRuleOf(config.key);
  const own = isPlainRule(rule) ? '' : `\t${digestOf(config.key)}`;
  const keys = new CacheKeys(`${route.name}\t${upstream}${own}`, rule, toldFields(plan));
  const policy = policyOf(config, variableNames(route.requestHeaders));
  const cache = compileCache(plan, config, { keys, policy, host });
  return Object.freeze({ ...plan, cache });
}

function keyRuleOf({ query, queryNames, headers, cookies, device }: CacheConfig['key']): KeyRule {
  return { query: { kind: query, names: queryNames }, headers, cookies, byDevice: device };
}

/**
 * Tells rules apart: keys of two can be the same text though they mean other requests (a field's value, and
 * a cookie's), and what is stored outlives reloads, and on disk restarts.
 */
function digestOf(rule: CacheConfig['key']): string {
  return createHash('sha256').update(JSON.stringify(rule)).digest('base64url').slice(0, 16);
}

function compileCache(
  plan: Plan,
  config: CacheConfig,
  parts: { keys: CacheKeys; policy: CachePolicy; host: CacheHost },
): CacheUse {
  const { keys, policy, host } = parts;
  const { key, purgeFrom } = config;
  const stages = plan.clientStages;
  return new RouteCache({
    host,
    policy,
    // What the client stages do is done for each client; sessions and retries work as ever.
    plan: Object.freeze({ ...plan, split: null, filters: null, clientStages: null, cache: null }),
    answers: {
      statusName: config.statusName,
      stages:
        stages === null ? null : (exchange) => attachStages(exchange, stages, exchange.client),
    },
    keys,
    keyedFields: new Set(key.headers),
    bypass: orUnclear(compileConditions(config.bypass), {
      headers: key.device ? [...key.headers, 'user-agent'] : key.headers,
      cookies: key.cookies,
    }),
    noStore: compileConditions(config.noStore),
    purger: purgeFrom.length === 0 ? null : new Trust(purgeFrom),
  });
}

/** What trusted senders say about host, scheme and port goes on to peers: so it is part of the key. */
function toldFields({ requestHead: { trust, forwarded } }: Plan): ToldFields {
  if (!trust.trustsAnybody || forwarded === 'off') return null;
  return (exchange) => (trust.has(exchange.remoteAddress) ? toldBy(exchange, forwarded) : '');
}

/** Names of fields for peers whose values depend on the request. */
function variableNames({ set, add, append }: RouteConfig['requestHeaders']): ReadonlySet<string> {
  const fields = [set, add, append].flatMap((edits) => Object.entries(edits));
  return new Set(fields.filter(([, value]) => value.includes('{')).map(([name]) => name));
}

/** These say no more than the key does. */
const KEYED: ReadonlySet<string> = new Set([
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
]);

/** Returns what decisions go by; `made`: fields for peers, besides those of every route. */
export function policyOf(config: CacheConfig, made: ReadonlySet<string>): CachePolicy {
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
    fetchesForHead: config.headAsGet,
    passMs: config.passMs,
    objectBytesMax: config.objectBytesMax,
    storesSetCookie: config.storesSetCookie,
    isMadeHere: (name) => made.has(name) || (isClaim(name) && !KEYED.has(name)),
    statusName: config.statusName,
  };
}
