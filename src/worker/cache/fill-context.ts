// What the fetches of one route have in common, and what one of them is for.

import type { CachedVariant, CacheEntry, CacheStore, StoredResponse } from '../../core/cache.ts';
import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Plan } from '../../core/plan.ts';
import type { ChurnMap } from '../../std/churn-map.ts';
import { setKeyHash } from '../../std/key-hash.ts';
import type { Timers } from '../../std/timers.ts';
import type { AnswerContext } from './answer.ts';
import type { ForwardReason } from './cache-status.ts';
import type { HeldBudget } from './held-bytes.ts';
import type { Overlong } from './overlong.ts';
import type { CachePolicy, FetchedRequest } from './policy.ts';
import type { KnownTerms } from './store-terms.ts';
import type { Wishes } from './waiter.ts';

/** A fetch that others can wait for. */
export interface Joinable {
  /** Something was purged since its request was sent: what it brings may be what had to go. */
  readonly isOutdated: boolean;
  /** Whether a request that comes now can have its answer from this fetch. */
  canJoin(exchange: Exchange): boolean;
  join(exchange: Exchange, wanted: Wishes, reason: ForwardReason): void;
  /** Under which key those wait who want another variant than this one; null while that is not known. */
  otherKey(exchange: Exchange): string | null;
}

/**
 * How an exchange looks once more. `alone`: it has waited in vain, and waits for nobody this time;
 * `together`: it wants another variant; `found`: there was something on disk.
 */
export type NextLook = 'alone' | 'together' | 'found';

/** What a worker does for its caches; joined in worker/*.ts, because phases don't know each other. */
export interface CacheHost {
  readonly store: CacheStore;
  /** Fetches that run and can be joined, of all routes: keys name their routes. */
  readonly fills: ChurnMap<Joinable>;
  readonly budget: HeldBudget;
  readonly overlong: Overlong;
  readonly random: () => number;
  readonly timers: Timers;
  /** An answer of that route (its index in the metrics) was stored. */
  stored(routeIndex: number, bodyBytes: number): void;
  /** Sends an exchange to a peer. */
  forward(exchange: Exchange, plan: Plan): void;
  /** Ends an exchange that `forward` was given, wherever it is; nothing more comes of it. */
  cancel(exchange: Exchange, error: ProxyError): void;
  /** Answers with a failure. */
  refuse(exchange: Exchange, error: ProxyError): void;
  /** Answers with a line of text. */
  reply(exchange: Exchange, status: number, line: string): void;
}

export interface FillContext {
  readonly host: CacheHost;
  readonly policy: CachePolicy;
  /** On which its answers are stored. */
  readonly terms: KnownTerms;
  /** By which fetches go: no cache, no client stages. */
  readonly plan: Plan;
  readonly answers: AnswerContext;
  /** `found`: what was on disk; null: what is in memory counts. */
  again(exchange: Exchange, how: NextLook, found: CacheEntry | null): void;
}

/** What a fetch is for. */
export interface FillTask {
  /** Under which others find it while it runs. */
  readonly fillKey: string;
  /** Its `keyHash`: the answer comes long after other keys were hashed. */
  readonly fillHash: number;
  readonly request: FetchedRequest;
  /** Stored and stale, or to be refreshed; null when nothing is stored. */
  readonly validated: CachedVariant | null;
  /** The exchange that set it off. */
  readonly client: Exchange;
  /** Nothing is in memory, and nobody has looked on disk. */
  readonly looksOnDisk: boolean;
}

/** Puts the answer to a task into the store. */
export function keep(
  { host, plan }: FillContext,
  { fillKey, fillHash }: FillTask,
  response: StoredResponse,
  body: Uint8Array,
): CachedVariant {
  setKeyHash(fillKey, fillHash);
  const stored = host.store.store(response, body);
  host.stored(plan.routeIndex, body.byteLength);
  return stored;
}
