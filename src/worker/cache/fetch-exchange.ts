// The exchange that fetches for the cache: the client's request, without what asks for less than the whole
// answer, on its own account. It lives on when the client leaves.

import type { CachedVariant } from '../../core/cache.ts';
import { copyExchange } from '../../core/copy-exchange.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Plan } from '../../core/plan.ts';
import type { Sink } from '../../core/sink.ts';
import { monotonicMs } from '../../std/clock.ts';
import { fetchFields } from './conditional.ts';

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
