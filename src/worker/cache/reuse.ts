// Can a stored answer be used for this request, now (RFC 9111 section 4)? Compares numbers; looks at the
// directives of the request only when there are any.

import type { StoredResponse } from '../../core/cache.ts';
import type { Directives } from './cache-control.ts';

/**
 * - `fresh`: answers at once
 * - `stale`: answers at once, and is refreshed behind it (stale-while-revalidate)
 * - `allowed`: stale, but the client takes that (max-stale)
 * - `validate`: the peer must be asked first
 */
export type Reuse = 'fresh' | 'stale' | 'allowed' | 'validate';

/** Decides for a request; `wishes` are its directives, null when it has none or nobody heeds them. */
export function decideReuse(
  stored: StoredResponse,
  wishes: Directives | null,
  nowMs: number,
): Reuse {
  if (wishes !== null) return decideByWishes(stored, wishes, nowMs);
  if (nowMs < stored.freshUntilMs) return 'fresh';
  return nowMs < stored.staleWhileRevalidateUntilMs ? 'stale' : 'validate';
}

function decideByWishes(stored: StoredResponse, wishes: Directives, nowMs: number): Reuse {
  if (wishes.noCache) return 'validate';
  const ageMs = nowMs - stored.bornMs;
  // However stale it may be: that is another question.
  if (wishes.maxAge >= 0 && ageMs > wishes.maxAge * 1000) return 'validate';
  const freshForMs = stored.freshUntilMs - nowMs;
  if (freshForMs > 0) {
    return freshForMs >= wishes.minFresh * 1000 ? 'fresh' : 'validate';
  }
  if (wishes.minFresh >= 0) return 'validate';
  // Never where the origin rules out stale answers: then the number is 0.
  const mayBeStale = stored.staleIfErrorUntilMs > 0;
  if (mayBeStale && -freshForMs <= wishes.maxStale * 1000) return 'allowed';
  return nowMs < stored.staleWhileRevalidateUntilMs ? 'stale' : 'validate';
}

/**
 * Whether a hit is to set off a refresh before its time (XFetch: Vattani, Chierichetti and Lowenstein,
 * "Optimal Probabilistic Cache Stampede Prevention"): the nearer the end and the dearer the fetch, the
 * likelier. `random` is from 0 to 1.
 */
export function refreshesEarly(stored: StoredResponse, nowMs: number, random: number): boolean {
  return (
    nowMs - stored.fetchMs * Math.log(Math.max(random, Number.MIN_VALUE)) >= stored.freshUntilMs
  );
}

/**
 * Whether a stale answer stands in for a failure (RFC 5861 section 4), for a request whose own
 * `stale-if-error` says so many seconds (-1 for none).
 */
export function standsInForFailure(
  { freshUntilMs, staleIfErrorUntilMs }: StoredResponse,
  nowMs: number,
  staleIfError = -1,
): boolean {
  if (nowMs < freshUntilMs || nowMs < staleIfErrorUntilMs) return true;
  // Never where the origin rules out stale answers: then the number is 0.
  return staleIfErrorUntilMs > 0 && nowMs < freshUntilMs + staleIfError * 1000;
}

/** Statuses of a peer that count as failures (RFC 5861 section 4). */
export function isFailure(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}
