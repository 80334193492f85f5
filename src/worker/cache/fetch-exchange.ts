// The exchange that fetches for the cache: the client's request, without what asks for less than the whole
// answer, on its own account. It lives on when the client leaves.

import type { CachedVariant } from '../../core/cache.ts';
import { Exchange } from '../../core/exchange.ts';
import type { Plan } from '../../core/plan.ts';
import type { Sink } from '../../core/sink.ts';
import { fetchFields } from './conditional.ts';

/** Returns an exchange for `plan` that asks on behalf of `client`, and only for what `validated` is not. */
export function fetchExchange(
  client: Exchange,
  plan: Plan,
  sink: Sink,
  validated: CachedVariant | null,
): Exchange {
  const head = {
    entry: client.entry,
    method: 'GET',
    target: client.target,
    host: client.host,
    headers: fetchFields(client.requestHeaders, validated === null ? null : validated.response),
    remoteAddress: client.remoteAddress,
    body: null,
    webSocket: null,
  };
  const fetch = new Exchange(head, sink, performance.now());
  fetch.scheme = client.scheme;
  fetch.clientAddress = client.clientAddress;
  fetch.requestId = client.requestId;
  fetch.captures = client.captures;
  fetch.plan = plan;
  return fetch;
}

/** Tells the log of the client's exchange what became of the fetch. */
export function noteFetch(client: Exchange, fetch: Exchange): void {
  client.peer = fetch.peer;
  client.attempts = fetch.attempts;
  client.headAtMs = performance.now();
}
