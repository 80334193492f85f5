// What the caches of a worker have in common, joined with forward and reply, which they do not know.

import type { CacheStore } from '../core/cache.ts';
import type { Exchange } from '../core/exchange.ts';
import { limits } from '../core/limits.ts';
import { ChurnMap } from '../std/churn-map.ts';
import { systemTimers, type Timers } from '../std/timers.ts';
import type { CacheHost } from './cache/fill-context.ts';
import { HeldBudget } from './cache/held-bytes.ts';
import { Overlong } from './cache/overlong.ts';
import type { ForwardContext } from './forward.ts';
import { ownExchanges } from './own-exchanges.ts';
import { replyWithFailure, sendReply } from './reply/reply.ts';

/** Makes the host of all caches that keep their answers in `store`. */
export function createCacheHost(
  store: CacheStore,
  context: ForwardContext,
  onStored: CacheHost['stored'],
  timers: Timers = systemTimers,
): CacheHost {
  return {
    store,
    fills: new ChurnMap(),
    budget: new HeldBudget(limits.cacheFillBytes),
    overlong: new Overlong(),
    random: context.random,
    timers,
    stored: onStored,
    ...ownExchanges(context),
    refuse: replyWithFailure,
    reply: replyWithLine,
  };
}

function replyWithLine(exchange: Exchange, status: number, line: string): void {
  const headers = ['content-type', 'text/plain; charset=utf-8', 'cache-control', 'no-store'];
  sendReply(exchange, { status, headers, body: Buffer.from(`${line}\n`) });
}
