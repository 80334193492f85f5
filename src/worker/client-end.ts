// What becomes of an exchange whose client is done with it: mostly it is over. While others wait for its
// response (core/cache.ts, `CacheFetch`) it goes on without a client.

import { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import { type HoldContext, releasePeer } from './hold.ts';

/** The client has left before its response was complete: what runs is cancelled. */
export function clientLeft(exchange: Exchange): void {
  exchange.failure ??= new ProxyError('client_closed');
  if (exchange.headAtMs === 0) exchange.status = exchange.failure.failure.status;
  if (exchange.cacheFetch?.outlivesClient() === true) return;
  const running = exchange.running;
  exchange.running = null;
  running?.cancel(exchange.failure);
}

/** Nothing more is sent to the client: what the exchange has is given back. Returns whether it goes on. */
export function clientDone(exchange: Exchange, context: HoldContext): boolean {
  const goesOn = exchange.cacheFetch?.goesOn() === true;
  if (!goesOn) {
    exchange.finished = true;
    releasePeer(exchange, context);
  }
  for (let { held } = exchange; held !== null; held = held.next) held.release();
  exchange.held = null;
  return goesOn;
}
