// The cache of one plan: the way of a request through it.
//
//   request ─► may it use the cache? ─► key ─► stored? ─► may that be used now? ─► answered
//                 │ no: bypass              └────────────────┴─ no: fetched, alone or with others (fill.ts)

import type { CachedVariant, CacheEntry, CacheUse } from '../../core/cache.ts';
import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Sink } from '../../core/sink.ts';
import { monotonicMs, wallMsAt } from '../../std/clock.ts';
import { keyHash } from '../../std/key-hash.ts';
import { answerFrom } from './answer.ts';
import type { Directives } from './cache-control.ts';
import type { CacheKeys } from './cache-key.ts';
import { addStatus, forwardStatus } from './cache-status.ts';
import type { Condition } from './conditions.ts';
import { Fill } from './fill.ts';
import type { FillContext, FillTask, NextLook } from './fill-context.ts';
import { ownFields } from './fill-outcome.ts';
import { chooseVariant, directReason, fillKeyOf, reasonOf } from './found.ts';
import { remembered } from './freshness.ts';
import { invalidatedBy } from './invalidation.ts';
import { leaseKeyOf } from './lease-key.ts';
import { answerPurge, type Purger } from './purge.ts';
import { emptyFacts, type RequestFacts, readRequestFacts } from './request-facts.ts';
import { decideReuse, refreshesEarly } from './reuse.ts';
import { KnownTerms } from './store-terms.ts';
import { Tee } from './tee.ts';
import { NO_WISHES, wishesOf } from './waiter.ts';

/** What a request is told when it must not be forwarded (RFC 9111 section 5.2.1.7). */
const NOT_STORED = new ProxyError('not_stored');

/** Shared by all requests of this worker: filled anew for each. */
const facts: RequestFacts = emptyFacts();

export interface RouteCacheOptions extends Omit<FillContext, 'again' | 'terms'> {
  readonly keys: CacheKeys;
  /** Fields that are part of the key. */
  readonly keyedFields: ReadonlySet<string>;
  readonly bypass: Condition | null;
  readonly noStore: Condition | null;
  /** Whose PURGE is obeyed; null for nobody's. */
  readonly purger: Purger | null;
}

/** What a request that is not answered at once has found. */
interface Found {
  readonly entry: CacheEntry | null;
  readonly variant: CachedVariant | null;
  /** It waits for nobody. */
  readonly mustBeAlone: boolean;
  readonly looksOnDisk: boolean;
  readonly nowMs: number;
}

export class RouteCache implements CacheUse {
  readonly #options: RouteCacheOptions;
  readonly #context: FillContext;
  readonly #route: string;

  constructor(options: RouteCacheOptions) {
    this.#options = options;
    this.#route = options.plan.route;
    this.#context = {
      ...options,
      terms: new KnownTerms(options.policy),
      again: (exchange, how, found) => this.#again(exchange, how, found),
    };
  }

  serve(exchange: Exchange): boolean {
    const { method } = exchange;
    if (method === 'GET' || method === 'HEAD') return this.#lookUp(exchange, null);
    const { purger } = this.#options;
    if (method !== 'PURGE' || purger === null) return false;
    return answerPurge(exchange, purger, this.#options);
  }

  attach(exchange: Exchange): Sink {
    if (exchange.cacheFetch !== null) return exchange.cacheFetch.attach();
    const { host, policy, keys, answers } = this.#options;
    for (const command of invalidatedBy(exchange, keys)) void host.store.purge(command);
    exchange.responseHeaders = ownFields(exchange);
    if (policy.statusName !== null) {
      const reason = directReason(exchange);
      const how = { reason, status: 0, isStored: false, isCollapsed: false } as const;
      addStatus(exchange.responseHeaders, forwardStatus(policy.statusName, how));
    }
    return answers.stages === null ? exchange.client : answers.stages(exchange);
  }

  /** `how`: it has waited already; null when it has not. `found`: on disk, in place of what is in memory. */
  #lookUp(exchange: Exchange, how: NextLook | null, found: CacheEntry | null = null): boolean {
    const { host, keys, policy, answers } = this.#options;
    const key = this.#keyFor(exchange, keys);
    if (key === null) {
      exchange.cacheStatus = 'bypass';
      return false;
    }
    const nowMs = wallMsAt(exchange.wentOnAtMs);
    const entry = found ?? host.store.find(key);
    const wishes = this.#wishes();
    let variant = entry === null ? null : chooseVariant(entry, exchange);
    const isPurged = variant !== null && this.#isPurged(exchange, variant);
    if (isPurged) variant = null;
    if (variant !== null) {
      const reuse = decideReuse(variant.response, wishes, nowMs);
      // What is left on disk is used while it is fresh, and nothing else can be done with it.
      if (variant.file !== null && reuse !== 'fresh') variant = null;
      else if (reuse !== 'validate') {
        if (reuse !== 'allowed' && variant.file === null) this.#refresh(exchange, variant, nowMs);
        exchange.cacheStatus = reuse === 'fresh' ? 'hit' : 'stale';
        if (how === 'alone' || how === 'together') exchange.cacheStatus = 'collapsed';
        answerFrom(exchange, variant, facts, { context: answers, nowMs, status: '' });
        return true;
      }
    }
    const looksOnDisk = how === null && (entry === null || entry.variants.length === 0);
    const isOnlyIfCached = wishes?.onlyIfCached === true;
    const asksDisk = looksOnDisk && host.store.hasDisk;
    if (asksDisk && (isOnlyIfCached || this.#fetchesAlone(exchange, wishes))) {
      this.#lookOnDisk(exchange, key);
      return true;
    }
    if (isOnlyIfCached) {
      host.refuse(exchange, NOT_STORED);
      return true;
    }
    const isAlone = how === 'alone';
    const mustBeAlone =
      isAlone || isPurged || !policy.collapses || (entry !== null && entry.passUntilMs > nowMs);
    if (isAlone && wantsLess(exchange)) {
      exchange.cacheStatus = 'miss';
      return false;
    }
    return this.#fetch(exchange, key, { entry, variant, mustBeAlone, looksOnDisk, nowMs });
  }

  /** By itself, and for nobody else: not by a fill, which looks on disk before it fetches. */
  #fetchesAlone(exchange: Exchange, wishes: Directives | null): boolean {
    const { noStore, policy } = this.#options;
    if (!policy.collapses || wishes?.noStore === true || noStore?.(exchange) === true) return true;
    return exchange.method === 'HEAD' && !policy.fetchesForHead;
  }

  /** For who wants no fetch, or one of its own. */
  #lookOnDisk(exchange: Exchange, key: string): void {
    void this.#options.host.store.fetch(key).then((entry) => {
      this.#again(exchange, 'found', entry);
      for (const { file } of entry?.variants ?? []) file?.release();
    });
  }

  /** Returns null when the request must not see the cache; leaves what it says in `facts`. */
  #keyFor(exchange: Exchange, keys: CacheKeys): string | null {
    const { bypass, keyedFields } = this.#options;
    // A GET with a body may be answered by what is in it, which is no part of any key.
    if (exchange.requestBody !== null || exchange.webSocket !== null) return null;
    readRequestFacts(facts, exchange.requestHeaders, keyedFields);
    if (facts.isSteered || facts.hasOtherCondition) return null;
    if (bypass?.(exchange) === true) return null;
    return keys.of(exchange);
  }

  /**
   * The URL of this request was purged, though the answer was stored by another one: a filter made both the
   * same, or they are two spellings (`/a` and `//a`), of which anybody may ask for the other first.
   */
  #isPurged(exchange: Exchange, { response: { generation, url } }: CachedVariant): boolean {
    const { keys, host } = this.#options;
    const { store } = host;
    if (generation >= store.generation && !store.isPurging) return false;
    const { receivedTarget } = exchange;
    const origin = keys.originOf(exchange);
    // By its own URL it was judged when it was found. Answers of one key have one origin.
    const isOwn = url.length === origin.length + receivedTarget.length;
    if (isOwn && url.endsWith(receivedTarget)) return false;
    return store.isPurged(origin + receivedTarget, generation);
  }

  /** What the client wants of a cache; null when it wants nothing special, or nobody heeds it. */
  #wishes(): Directives | null {
    if (!this.#options.policy.respectsClient) return null;
    if (facts.cacheControl !== '') return remembered(facts.cacheControl);
    return facts.pragma.toLowerCase() === 'no-cache' ? remembered('no-cache') : null;
  }

  /** Returns false when the exchange is better sent as it is. */
  #fetch(exchange: Exchange, key: string, found: Found): boolean {
    const { host, noStore, policy } = this.#options;
    const { entry, variant, mustBeAlone, looksOnDisk, nowMs } = found;
    exchange.cacheStatus = 'miss';
    const wishes = this.#wishes();
    if (noStore?.(exchange) === true || wishes?.noStore === true) return false;
    // Less than the whole is no reason to fetch a whole that is likely not to be stored.
    const isHead = exchange.method === 'HEAD' && !policy.fetchesForHead;
    if (variant === null && (isHead || (mustBeAlone && wantsLess(exchange)))) return false;
    const wanted = wishesOf(facts, wishes);
    const reason = reasonOf(entry, variant, nowMs);
    let fillKey = fillKeyOf(key, entry, exchange);
    let running = mustBeAlone ? undefined : host.fills.get(fillKey);
    if (running?.canJoin(exchange) === false) {
      fillKey = running.otherKey(exchange) ?? fillKey;
      running = host.fills.get(fillKey);
    }
    if (running?.canJoin(exchange) === true) {
      running.join(exchange, wanted, reason);
      return true;
    }
    const task = this.#taskOf(exchange, { key, fillKey, variant, looksOnDisk });
    const isAlone = mustBeAlone || running !== undefined;
    // Those who come later join this one.
    const isJoined = !isAlone || running?.isOutdated === true;
    const asksDisk = looksOnDisk && host.store.hasDisk && !isAlone;
    if (variant === null && wanted === NO_WISHES && exchange.method === 'GET' && !asksDisk) {
      const tee = new Tee(this.#context, task, { reason, nowMs });
      if (isJoined) host.fills.set(fillKey, tee);
      return tee.run(isAlone);
    }
    const fill = new Fill(this.#context, task);
    fill.join(exchange, wanted, reason);
    if (isJoined) host.fills.set(fillKey, fill);
    fill.run(isAlone);
    return true;
  }

  /** Fetches in the background what is stale, or soon will be. */
  #refresh(exchange: Exchange, variant: CachedVariant, nowMs: number): void {
    const { response, isRefreshing } = variant;
    const { host, policy } = this.#options;
    if (isRefreshing || nowMs < response.refreshFromMs) return;
    if (nowMs < response.freshUntilMs) {
      if (!policy.refreshesEarly || !refreshesEarly(response, nowMs, host.random())) return;
    }
    const { key, varyKey } = response;
    const fillKey = leaseKeyOf(key, varyKey);
    if (host.fills.has(fillKey)) return;
    const task = this.#taskOf(exchange, { key, fillKey, variant, looksOnDisk: false });
    const fill = new Fill(this.#context, task);
    host.fills.set(fillKey, fill);
    // Under a lease it would be given what another worker has, which is what it has itself, still fresh.
    fill.run(nowMs < response.freshUntilMs);
  }

  #taskOf(
    client: Exchange,
    what: { key: string; fillKey: string; variant: CachedVariant | null; looksOnDisk: boolean },
  ): FillTask {
    const { keys, host } = this.#options;
    return {
      fillKey: what.fillKey,
      fillHash: keyHash(what.fillKey),
      validated: what.variant,
      looksOnDisk: what.looksOnDisk,
      client,
      request: {
        key: what.key,
        url: keys.urlOf(client, client.receivedTarget),
        route: this.#route,
        origin: keys.originOf(client),
        headers: client.requestHeaders,
        isAuthorized: isIdentified(client),
        generation: host.store.generation,
      },
    };
  }

  #again(exchange: Exchange, how: NextLook, found: CacheEntry | null): void {
    if (exchange.finished) return;
    exchange.wentOnAtMs = monotonicMs();
    if (this.#lookUp(exchange, how, found)) return;
    this.#options.host.forward(exchange, exchange.plan!);
  }
}

/** The peer can tell who the client is by more than cookies; goes by `facts`. */
function isIdentified(exchange: Exchange): boolean {
  const hasCertificate = exchange.entry.clientCertificate !== undefined;
  return facts.hasAuthorization || exchange.isIdentified || hasCertificate;
}

/** The client wants a part, a head, or to know whether anything has changed; goes by `facts`. */
function wantsLess({ method }: Exchange): boolean {
  const { range, ifNoneMatch, ifModifiedSince } = facts;
  return method === 'HEAD' || range !== '' || ifNoneMatch !== '' || ifModifiedSince !== '';
}
