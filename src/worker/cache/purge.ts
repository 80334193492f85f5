// The PURGE method: forgets an address on all workers and on disk before it is answered.

import type { Exchange } from '../../core/exchange.ts';
import { headerValue } from '../../core/headers.ts';
import { originOf } from './cache-key.ts';
import type { CacheHost } from './fill-context.ts';

/** Who may purge. */
export interface Purger {
  has(address: string): boolean;
}

/**
 * Obeys a PURGE of the URL it names: `/path/*` purges all that begins with `/path/`; `X-Purge: soft` makes
 * stale instead of gone. True: the exchange is answered, or will be.
 */
export function answerPurge(exchange: Exchange, purger: Purger, host: CacheHost): boolean {
  if (!purger.has(exchange.clientAddress)) {
    host.reply(exchange, 403, 'PURGE is not allowed from this address.');
    return true;
  }
  const { receivedTarget, requestHeaders, scheme } = exchange;
  const url = `${originOf(scheme, exchange.host)}${receivedTarget}`;
  const isPrefix = url.endsWith('*');
  const isSoft = headerValue(requestHeaders, 'x-purge')?.toLowerCase() === 'soft';
  const value = isPrefix ? url.slice(0, -1) : url;
  void host.store.purge({ kind: isPrefix ? 'prefix' : 'url', value, isSoft }).then((isComplete) => {
    if (exchange.finished) return;
    if (isComplete) host.reply(exchange, 200, 'Purged.');
    else host.reply(exchange, 503, 'Purged, but not in all workers.');
  });
  return true;
}
