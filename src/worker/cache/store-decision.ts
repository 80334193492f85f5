// May an answer be stored, and for how long can it be used (RFC 9111 section 3): all that can be known is
// decided here, once, so that a lookup only compares numbers.

import type { StoredResponse } from '../../core/cache.ts';
import { withoutFields } from '../../core/headers.ts';
import { hasTwin } from './fields.ts';
import { DATED_LIFETIME, datedLifetimeOf, initialAgeMs, NO_LIFETIME } from './freshness.ts';
import type { CachePolicy, FetchedRequest, FetchedResponse } from './policy.ts';
import { type StoreRefusal, type StoreTerms, termsOf } from './store-terms.ts';
import { tagsOf } from './tags.ts';
import { select } from './vary.ts';

/** An answer that can be validated is kept for this long after it is stale. */
const VALIDATION_MS = 24 * 3600_000;
/** A refresh begins at most this many times the cost of a fetch before the end of freshness. */
const EARLY_FACTOR = 10;

/** Returns what is stored, or why nothing is. */
export function decideStore(
  request: FetchedRequest,
  response: FetchedResponse,
  policy: CachePolicy,
): StoredResponse | StoreRefusal {
  const { status, headers } = response;
  const terms = termsOf(status, headers, request.isAuthorized, policy);
  return decideOn(terms, request, response, policy);
}

/** Does what `decideStore` does with an answer that has these terms. */
export function decideOn(
  terms: StoreTerms,
  request: FetchedRequest,
  response: FetchedResponse,
  policy: CachePolicy,
): StoredResponse | StoreRefusal {
  if (terms.refusal !== null) return terms.refusal;
  const { facts, word, vary } = terms;
  // The peer may have gone by the other one, which chooses no variant.
  if (vary.names.length > 0 && hasTwin(request.headers, vary.names)) return 'vary';
  const { headers, receivedAtMs } = response;
  const isDated = terms.lifetimeMs === DATED_LIFETIME;
  const givenMs = isDated ? datedLifetimeOf(response, facts, word, policy) : terms.lifetimeMs;
  const lifetimeMs = Math.max(0, givenMs);
  const etag = facts.etagAt === -1 ? '' : headers[facts.etagAt]!;
  const lastModified = facts.lastModifiedAt === -1 ? '' : headers[facts.lastModifiedAt]!;
  // Without a word about caching from anybody, a validator alone is no wish to be kept.
  const isMeant = givenMs !== NO_LIFETIME || word.directives.noCache || word.directives.isPublic;
  const canValidate = isMeant && (etag !== '' || lastModified !== '');
  if (lifetimeMs === 0 && !canValidate && !terms.isMeantStale) return 'no-lifetime';
  const fetchMs = receivedAtMs - response.sentAtMs;
  const bornMs = receivedAtMs - initialAgeMs(response, facts.age);
  const freshUntilMs = terms.mustValidate ? 0 : bornMs + lifetimeMs;
  const staleWhileRevalidateUntilMs = later(freshUntilMs, terms.staleWhileRevalidateMs);
  const staleIfErrorUntilMs = later(freshUntilMs, terms.staleIfErrorMs);
  // What may be served stale at all is of use to who takes it so (`max-stale`).
  const isUseless = freshUntilMs <= receivedAtMs && staleIfErrorUntilMs === 0;
  if (isUseless && !canValidate) return 'no-lifetime';
  const usefulUntilMs = Math.max(freshUntilMs, staleWhileRevalidateUntilMs, staleIfErrorUntilMs);
  const selection = select(vary, request.headers);
  return {
    key: request.key,
    url: request.url,
    route: request.route,
    status: response.status,
    headers: terms.leftOut === null ? headers.slice() : withoutFields(headers, terms.leftOut),
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

/** `ms` after that time; 0 when it is negative. */
function later(timeMs: number, ms: number): number {
  return ms < 0 ? 0 : timeMs + ms;
}

/** Whether somebody who waited for this very answer may have it: it is fresh, or may be served stale. */
export function isShareable(stored: StoredResponse, nowMs: number): boolean {
  return nowMs < stored.freshUntilMs || nowMs < stored.staleWhileRevalidateUntilMs;
}
