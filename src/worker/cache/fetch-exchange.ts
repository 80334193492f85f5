// The exchange that fetches for the cache: the client's request, without what asks for less than the whole
// answer, on its own account. It lives on when the client leaves.

import type { CachedVariant, StoredResponse } from '../../core/cache.ts';
import { copyExchange } from '../../core/copy-exchange.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Plan } from '../../core/plan.ts';
import type { Sink } from '../../core/sink.ts';
import { monotonicMs, wallMsAt } from '../../std/clock.ts';
import { fetchFields } from './conditional.ts';
import type { CachePolicy, FetchedRequest, FetchedResponse } from './policy.ts';
import { decideOn } from './store-decision.ts';
import type { KnownTerms } from './store-terms.ts';

/** Returns an exchange for `plan` that asks on behalf of `client`, and only for what `validated` is not. */
export function fetchExchange(
  client: Exchange,
  plan: Plan,
  sink: Sink,
  validated: CachedVariant | null,
): Exchange {
  return copyExchange(client, {
    plan,
    client: sink,
    method: 'GET',
    headers: fetchFields(client.requestHeaders, validated === null ? null : validated.response),
    body: null,
    startedAtMs: monotonicMs(),
  });
}

/** Tells the log of the client's exchange what became of the fetch. */
export function noteFetch(client: Exchange, fetch: Exchange): void {
  client.peer = fetch.peer;
  client.attempts = fetch.attempts;
  client.headAtMs = monotonicMs();
}

/** Returns what `fetch` brought, which was sent at that time; with another head where that is merged. */
export function fetchedResponse(
  fetch: Exchange,
  sentAtMs: number,
  status = fetch.status,
  headers = fetch.responseHeaders,
): FetchedResponse {
  const { responseDate: date, responseByteLength: byteLength } = fetch;
  const receivedAtMs = wallMsAt(fetch.headAtMs);
  return { status, headers, byteLength, date, sentAtMs, receivedAtMs };
}

/** Returns as what the answer to `request` that is in `fetch` is to be stored; null when it is not. */
export function decide(
  fetch: Exchange,
  sentAtMs: number,
  request: FetchedRequest,
  { policy, terms: known }: { policy: CachePolicy; terms: KnownTerms },
): StoredResponse | null {
  if (fetch.responseByteLength > policy.objectBytesMax) return null;
  const terms = known.of(fetch.status, fetch.responseHeaders, request.isAuthorized);
  const decision = decideOn(terms, request, fetchedResponse(fetch, sentAtMs), policy);
  return typeof decision === 'string' ? null : decision;
}
