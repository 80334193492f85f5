// May an answer be stored, and for how long can it be used (RFC 9111 section 3): all that can be known is
// decided here, once, so that a lookup only compares numbers.

import type { StoredResponse } from '../../core/cache.ts';
import { FieldNames, type RawHeaders, withoutFields } from '../../core/headers.ts';
import type { Directives } from './cache-control.ts';
import { initialAgeMs, lifetimeOf, NO_LIFETIME, readOriginWord } from './freshness.ts';
import type { CachePolicy, FetchedRequest, FetchedResponse } from './policy.ts';
import { type ResponseFacts, readResponseFacts } from './response-facts.ts';
import { tagsOf } from './tags.ts';
import { select, tellsApart, varyRule } from './vary.ts';

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
const NEVER_STORED = new FieldNames(['age', 'surrogate-key', 'cache-tag', 'set-cookie']);

/** Returns what is stored, or why nothing is. `bodyBytes` is what was declared, or 0. */
export function decideStore(
  request: FetchedRequest,
  response: FetchedResponse,
  policy: CachePolicy,
): StoredResponse | StoreRefusal {
  const { status, headers, receivedAtMs } = response;
  const facts = readResponseFacts(headers);
  const word = readOriginWord(facts);
  const { directives } = word;
  const words = { facts, directives };
  const refusal = refuses(request.isAuthorized, status, words, policy);
  if (refusal !== null) return refusal;
  const rule = varyRule(facts.vary);
  // What the peer went by, and the next request does not show, tells no variants apart.
  if (rule === null || !tellsApart(rule, policy.isMadeHere)) return 'vary';
  const givenMs = lifetimeOf(response, facts, word, policy);
  const lifetimeMs = Math.max(0, givenMs);
  const etag = facts.etag ?? '';
  const lastModified = facts.lastModified ?? '';
  // Without a word about caching from anybody, a validator alone is no wish to be kept.
  const isMeant = givenMs !== NO_LIFETIME || directives.noCache || directives.isPublic;
  const canValidate = isMeant && (etag !== '' || lastModified !== '');
  if (lifetimeMs === 0 && !canValidate) return 'no-lifetime';
  const fetchMs = receivedAtMs - response.sentAtMs;
  const bornMs = receivedAtMs - initialAgeMs(response, facts.age);
  const mustValidate = policy.respectsOrigin && directives.noCache;
  const freshUntilMs = mustValidate ? 0 : bornMs + lifetimeMs;
  const mayBeStale = !mustValidate && !rulesOutStale(directives, policy);
  const { staleWhileRevalidate, staleIfError } = directives;
  const whileMs = staleMs(staleWhileRevalidate, policy.staleWhileRevalidateMs, directives, policy);
  const ifErrorMs = staleMs(staleIfError, policy.staleIfErrorMs, directives, policy);
  const staleWhileRevalidateUntilMs = mayBeStale ? freshUntilMs + whileMs : 0;
  const staleIfErrorUntilMs = mayBeStale ? freshUntilMs + ifErrorMs : 0;
  if (!canValidate && freshUntilMs <= receivedAtMs && staleIfErrorUntilMs === 0) {
    return 'no-lifetime';
  }
  const usefulUntilMs = Math.max(freshUntilMs, staleWhileRevalidateUntilMs, staleIfErrorUntilMs);
  const selection = select(rule, request.headers);
  return {
    key: request.key,
    url: request.url,
    route: request.route,
    status,
    headers: storedFields(headers, words, policy),
    bodyBytes: Math.max(0, response.byteLength),
    vary: selection.fields,
    varyKey: selection.key,
    tags: tagsOf(facts, request.origin),
    generation: request.generation,
    bornMs,
    storedAtMs: receivedAtMs,
    fetchMs,
    refreshFromMs: freshUntilMs - Math.min(EARLY_FACTOR * fetchMs, lifetimeMs / 2),
    freshUntilMs,
    staleWhileRevalidateUntilMs,
    staleIfErrorUntilMs,
    keepUntilMs: canValidate
      ? Math.max(usefulUntilMs, receivedAtMs) + VALIDATION_MS
      : usefulUntilMs,
    etag,
    lastModified,
  };
}

/** What a response says. */
interface Words {
  readonly facts: ResponseFacts;
  readonly directives: Directives;
}

function refuses(
  isAuthorized: boolean,
  status: number,
  { facts, directives }: Words,
  policy: CachePolicy,
): StoreRefusal | null {
  if (status < 200 || status === 206 || status === 304) return 'status';
  if (policy.respectsOrigin) {
    // With must-understand, no-store is for caches that don't know the status (section 5.2.2.3).
    if (directives.mustUnderstand) {
      if (!UNDERSTOOD.has(status)) return 'status';
    } else if (directives.noStore) {
      return 'no-store';
    }
    if (directives.isPrivate) return 'private';
  }
  const mayAuthorized =
    directives.isPublic || directives.sharedMaxAge >= 0 || directives.mustRevalidate;
  if (isAuthorized && !mayAuthorized) return 'authorization';
  if (!facts.hasSetCookie || policy.storesSetCookie) return null;
  const isNamed = policy.respectsOrigin && directives.withheld.includes('set-cookie');
  return isNamed ? null : 'set-cookie';
}

/**
 * Whether an answer must not be served stale. must-revalidate rules it out whatever else is said (section
 * 5.2.2.2); s-maxage does so too unless the origin says otherwise in the same breath.
 */
function rulesOutStale(directives: Directives, { respectsOrigin }: CachePolicy): boolean {
  if (!respectsOrigin) return false;
  if (directives.mustRevalidate || directives.proxyRevalidate) return true;
  const isShared = directives.sharedMaxAge >= 0;
  return isShared && directives.staleWhileRevalidate < 0 && directives.staleIfError < 0;
}

/** How long it may be, in ms, by what the origin says in `seconds` (-1: nothing) or the operator. */
function staleMs(
  seconds: number,
  operatorMs: number,
  directives: Directives,
  { respectsOrigin }: CachePolicy,
): number {
  if (!respectsOrigin) return operatorMs;
  if (seconds >= 0) return seconds * 1000;
  return directives.sharedMaxAge >= 0 ? 0 : operatorMs;
}

/** The end-to-end fields that are kept: not those that the origin withholds, nor what is for caches only. */
function storedFields(
  headers: RawHeaders,
  { facts, directives: { withheld } }: Words,
  { respectsOrigin }: CachePolicy,
): RawHeaders {
  const { age, surrogateKey, cacheTag, hasSetCookie } = facts;
  const isWhole = age === null && surrogateKey === null && cacheTag === null && !hasSetCookie;
  // What is known already is not asked of each field again (7 to 12 fields: 15 to 30 ns).
  const kept = isWhole ? headers.slice() : withoutFields(headers, NEVER_STORED);
  return respectsOrigin && withheld.length > 0 ? withoutFields(kept, new Set(withheld)) : kept;
}

/** Whether somebody who waited for this very answer may have it: it is fresh, or may be served stale. */
export function isShareable(stored: StoredResponse, nowMs: number): boolean {
  return nowMs < stored.freshUntilMs || nowMs < stored.staleWhileRevalidateUntilMs;
}
