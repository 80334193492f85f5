// An exchange of our own on behalf of a client's: a second attempt, a copy for a shadow, a fetch for the
// cache. The one place that knows what of a request goes along.

import { Exchange } from './exchange.ts';
import type { RawHeaders } from './headers.ts';
import type { Plan } from './plan.ts';
import type { RequestBody } from './request-body.ts';
import type { Sink } from './sink.ts';

/** Where a copy differs from its original. */
export interface CopyOptions {
  readonly plan: Plan;
  /** Where its response goes. */
  readonly client: Sink;
  readonly method: string;
  readonly headers: RawHeaders;
  readonly body: RequestBody | null;
  readonly startedAtMs: number;
}

/** Returns the same request by the same client, with an account and a response of its own. */
export function copyExchange(
  { entry, target, host, remoteAddress, clientAddress, scheme, requestId, captures }: Exchange,
  { plan, client, method, headers, body, startedAtMs }: CopyOptions,
): Exchange {
  const head = { entry, method, target, host, headers, remoteAddress, body, webSocket: null };
  const copy = new Exchange(head, client, startedAtMs);
  copy.clientAddress = clientAddress;
  copy.scheme = scheme;
  copy.requestId = requestId;
  copy.captures = captures;
  copy.plan = plan;
  return copy;
}
