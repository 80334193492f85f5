// What the routes of one configuration are compiled with.

import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import type { Offload } from '../core/offload.ts';
import type { ResponseHeadPolicy, TrustPolicy } from '../core/plan.ts';
import type { CacheHost } from './cache/fill-context.ts';
import type { CompiledUpstream } from './compile-upstream.ts';
import type { Compression } from './compress/compression.ts';
import type { GuardCounters } from './filter/guard/attack-filter.ts';
import type { Spending } from './filter/limit/spending.ts';
import type { KeptParts } from './kept.ts';
import type { OwnExchanges } from './own-exchanges.ts';
import type { PluginUnit } from './plugin/plugin-unit.ts';

/** What outlives a snapshot, as far as rate limits need it. */
export interface RateLimitParts {
  readonly spending: Spending;
  /** Made by the primary at its start, the same in all workers. */
  readonly secret: string;
}

/** What all routes of a configuration have in common. */
export interface RouteContext {
  readonly config: Config;
  readonly upstreams: ReadonlyMap<string, CompiledUpstream>;
  readonly trust: TrustPolicy;
  readonly responseHead: ResponseHeadPolicy;
  /** Index of a route in the metrics tables, stable per name. */
  readonly routeIndexOf: (route: string) => number;
  readonly kept: KeptParts;
  readonly events: Events;
  /** Threads for work that would hold up the event loop. */
  readonly offload: Offload;
  readonly compression: Compression;
  readonly rateLimits: RateLimitParts;
  /** By name. */
  readonly plugins: ReadonlyMap<string, PluginUnit>;
  readonly exchanges: OwnExchanges;
  readonly guard: GuardCounters;
  /** What the caches of all routes share; null when no route caches. */
  readonly cache: CacheHost | null;
}
