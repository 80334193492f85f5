// The PURGE method: forgets an address on all workers and on disk before it is answered.

import type { PurgeCommand } from '../../core/cache.ts';
import type { Exchange } from '../../core/exchange.ts';
import { headerValue } from '../../core/headers.ts';
import { type CacheKeys, originOf } from './cache-key.ts';
import type { CacheHost } from './fill-context.ts';

/** Who may purge. */
export interface Purger {
  has(address: string): boolean;
}

/**
 * Obeys a PURGE of the URL it names: `/path/*` purges all that begins with `/path/`; `X-Purge: soft` makes
 * stale instead of gone. True: the exchange is answered, or will be.
 */
export function answerPurge(
  exchange: Exchange,
  purger: Purger,
  { host, keys }: { readonly host: CacheHost; readonly keys: CacheKeys },
): boolean {
  if (!purger.has(exchange.clientAddress)) {
    host.reply(exchange, 403, 'PURGE is not allowed from this address.');
    return true;
  }
  const { receivedTarget, requestHeaders, scheme } = exchange;
  const url = `${originOf(scheme, exchange.host)}${receivedTarget}`;
  const isPrefix = url.endsWith('*');
  const isSoft = headerValue(requestHeaders, 'x-purge')?.toLowerCase() === 'soft';
  const commands: PurgeCommand[] = isPrefix
    ? [{ kind: 'prefix', value: url.slice(0, -1), isSoft }]
    : [...new Set([url, keys.urlOf(exchange, receivedTarget)])].map((value) => {
        return { kind: 'url', value, isSoft };
      });
  const purges = commands.map((command) => host.store.purge(command));
  void Promise.all(purges).then((outcomes) => {
    if (exchange.finished) return;
    if (outcomes.every((isComplete) => isComplete)) host.reply(exchange, 200, 'Purged.');
    else host.reply(exchange, 503, 'Purged, but not in all workers.');
  });
  return true;
}
