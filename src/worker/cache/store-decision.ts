// May an answer be stored, and for how long can it be used (RFC 9111 section 3): all that can be known is
// decided here, once, so that a lookup only compares numbers.

import type { StoredResponse } from '../../core/cache.ts';
import { headerValue, type RawHeaders, withoutFields } from '../../core/headers.ts';
import type { Directives } from './cache-control.ts';
import { initialAgeMs, lifetimeOf, type OriginWord, readOriginWord } from './freshness.ts';
import type { CachePolicy, FetchedRequest, FetchedResponse } from './policy.ts';
import { tagsOf } from './tags.ts';
import { selectVary, varyKeyOf, varyNames } from './vary.ts';

/** Why an answer is not stored. */
export type StoreRefusal =
  | 'status'
  | 'no-store'
  | 'private'
  | 'authorization'
  | 'set-cookie'
  | 'vary'
  | 'no-lifetime';

/** Final statuses that this cache knows how to handle (must-understand); 206 and 304 are never stored. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 203, 204, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 410, 414, 421, 451, 500,
  501, 502, 503, 504,
]);

/** An answer that can be validated is kept for this long after it is stale. */
const VALIDATION_MS = 24 * 3600_000;
/** A refresh begins at most this many times the cost of a fetch before the end of freshness. */
const EARLY_FACTOR = 10;

/** Fields that are not stored whatever the answer says. */
const NEVER_STORED: ReadonlySet<string> = new Set([
  'age',
  'surrogate-key',
  'cache-tag',
  'set-cookie',
]);

/** Returns what is stored, or why nothing is. `bodyBytes` is what was declared, or 0. */
export function decideStore(
  request: FetchedRequest,
  response: FetchedResponse,
  policy: CachePolicy,
): StoredResponse | StoreRefusal {
  const word = readOriginWord(response.headers);
  const refusal = refuses(request, response, word.directives, policy);
  if (refusal !== null) return refusal;
  const names = varyNames(response.headers);
  // What the peer went by, and the next request does not show, tells no variants apart.
  if (names === null || names.some(policy.isMadeHere)) return 'vary';
  const lifetime = lifetimeOf(response, word, policy);
  const etag = headerValue(response.headers, 'etag') ?? '';
  const lastModified = headerValue(response.headers, 'last-modified') ?? '';
  // Without a word about caching from anybody, a validator alone is no wish to be kept.
  const isMeant = lifetime.by !== 'none' || word.directives.noCache || word.directives.isPublic;
  const canValidate = isMeant && (etag !== '' || lastModified !== '');
  if (lifetime.lifetimeMs === 0 && !canValidate) return 'no-lifetime';
  const times = timesOf(response, { word, policy, lifetimeMs: lifetime.lifetimeMs });
  if (times.freshUntilMs <= response.receivedAtMs && times.staleIfErrorUntilMs === 0) {
    if (!canValidate) return 'no-lifetime';
  }
  const vary = selectVary(names, request.headers);
  return {
    key: request.key,
    url: request.url,
    route: request.route,
    status: response.status,
    headers: storedFields(response.headers, word.directives, policy),
    bodyBytes: Math.max(0, response.byteLength),
    vary,
    varyKey: varyKeyOf(vary),
    tags: tagsOf(response.headers, request.origin),
    generation: request.generation,
    bornMs: times.bornMs,
    storedAtMs: times.storedAtMs,
    fetchMs: times.fetchMs,
    refreshFromMs: times.refreshFromMs,
    freshUntilMs: times.freshUntilMs,
    staleWhileRevalidateUntilMs: times.staleWhileRevalidateUntilMs,
    staleIfErrorUntilMs: times.staleIfErrorUntilMs,
    keepUntilMs: keepUntil(times, canValidate),
    etag,
    lastModified,
  };
}

function refuses(
  { isAuthorized }: FetchedRequest,
  { status, headers }: FetchedResponse,
  directives: Directives,
  policy: CachePolicy,
): StoreRefusal | null {
  if (status < 200 || status === 206 || status === 304) return 'status';
  if (policy.respectsOrigin) {
    const isUnderstood = UNDERSTOOD.has(status);
    if (directives.mustUnderstand && !isUnderstood) return 'status';
    // With must-understand, no-store is for caches that don't know the status (section 5.2.2.3).
    if (directives.noStore && !(directives.mustUnderstand && isUnderstood)) return 'no-store';
    if (directives.isPrivate) return 'private';
  }
  const mayAuthorized =
    directives.isPublic || directives.sharedMaxAge >= 0 || directives.mustRevalidate;
  if (isAuthorized && !mayAuthorized) return 'authorization';
  if (headerValue(headers, 'set-cookie') === undefined || policy.storesSetCookie) return null;
  const isNamed = policy.respectsOrigin && directives.withheld.includes('set-cookie');
  return isNamed ? null : 'set-cookie';
}

interface Terms {
  readonly word: OriginWord;
  readonly policy: CachePolicy;
  readonly lifetimeMs: number;
}

type Times = Pick<
  StoredResponse,
  | 'bornMs'
  | 'storedAtMs'
  | 'fetchMs'
  | 'refreshFromMs'
  | 'freshUntilMs'
  | 'staleWhileRevalidateUntilMs'
  | 'staleIfErrorUntilMs'
>;

function timesOf(
  response: FetchedResponse,
  { word: { directives }, policy, lifetimeMs }: Terms,
): Times {
  const { sentAtMs, receivedAtMs } = response;
  const fetchMs = receivedAtMs - sentAtMs;
  const bornMs = receivedAtMs - initialAgeMs(response);
  const mustValidate = policy.respectsOrigin && directives.noCache;
  const freshUntilMs = mustValidate ? 0 : bornMs + lifetimeMs;
  const stale = staleness(directives, policy);
  const mayBeStale = stale !== null && !mustValidate;
  return {
    bornMs,
    storedAtMs: receivedAtMs,
    fetchMs,
    refreshFromMs: freshUntilMs - Math.min(EARLY_FACTOR * fetchMs, lifetimeMs / 2),
    freshUntilMs,
    staleWhileRevalidateUntilMs: mayBeStale ? freshUntilMs + stale.whileRevalidateMs : 0,
    staleIfErrorUntilMs: mayBeStale ? freshUntilMs + stale.ifErrorMs : 0,
  };
}

/**
 * How long an answer may be served stale; null for never. must-revalidate rules it out whatever else is
 * said (section 5.2.2.2); s-maxage does so too unless the origin says otherwise in the same breath.
 */
function staleness(directives: Directives, policy: CachePolicy) {
  const { staleWhileRevalidate, staleIfError } = directives;
  let { staleWhileRevalidateMs, staleIfErrorMs } = policy;
  if (policy.respectsOrigin) {
    if (directives.mustRevalidate || directives.proxyRevalidate) return null;
    const isShared = directives.sharedMaxAge >= 0;
    if (isShared && staleWhileRevalidate < 0 && staleIfError < 0) return null;
    if (isShared) {
      staleWhileRevalidateMs = 0;
      staleIfErrorMs = 0;
    }
    if (staleWhileRevalidate >= 0) staleWhileRevalidateMs = staleWhileRevalidate * 1000;
    if (staleIfError >= 0) staleIfErrorMs = staleIfError * 1000;
  }
  return { whileRevalidateMs: staleWhileRevalidateMs, ifErrorMs: staleIfErrorMs };
}

function keepUntil(times: Times, canValidate: boolean): number {
  const { freshUntilMs, staleWhileRevalidateUntilMs, staleIfErrorUntilMs } = times;
  const usefulMs = Math.max(freshUntilMs, staleWhileRevalidateUntilMs, staleIfErrorUntilMs);
  if (!canValidate) return usefulMs;
  return Math.max(usefulMs, times.storedAtMs) + VALIDATION_MS;
}

/** The end-to-end fields that are kept: not those that the origin withholds, nor what is for caches only. */
function storedFields(
  headers: RawHeaders,
  { withheld }: Directives,
  policy: CachePolicy,
): RawHeaders {
  if (!policy.respectsOrigin || withheld.length === 0) return withoutFields(headers, NEVER_STORED);
  return withoutFields(headers, new Set([...NEVER_STORED, ...withheld]));
}

/** Whether somebody who waited for this very answer may have it: it is fresh, or may be served stale. */
export function isShareable(stored: StoredResponse, nowMs: number): boolean {
  return nowMs < stored.freshUntilMs || nowMs < stored.staleWhileRevalidateUntilMs;
}
