// What a request finds under its key, and what its fetch is called when that is nothing of use.

import type { CachedVariant, CacheEntry } from '../../core/cache.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { ForwardReason } from './cache-status.ts';
import { matchesVary, variantKey } from './vary.ts';

/** Why the exchange is sent as it is. */
export function directReason({ method, cacheStatus }: Exchange): ForwardReason {
  if (method !== 'GET' && method !== 'HEAD') return 'method';
  return cacheStatus === 'miss' ? 'miss' : 'bypass';
}

/** The newest stored answer that fits the request. */
export function chooseVariant(entry: CacheEntry, exchange: Exchange): CachedVariant | null {
  const { variants } = entry;
  for (let at = 0; at < variants.length; at++) {
    const { vary } = variants[at]!.response;
    if (vary.length === 0 || matchesVary(vary, exchange.requestHeaders)) return variants[at]!;
  }
  return null;
}

/** Requests with the same are answered alike, as far as is known before the answer. */
export function fillKeyOf(key: string, entry: CacheEntry | null, exchange: Exchange): string {
  const newest = entry?.variants[0];
  return newest === undefined
    ? key
    : variantKey(key, newest.response.vary, exchange.requestHeaders);
}

/** Returns why a request goes to a peer although it uses the cache. */
export function reasonOf(
  entry: CacheEntry | null,
  variant: CachedVariant | null,
  nowMs: number,
): ForwardReason {
  // What is fresh is passed over only because the client says so.
  if (variant !== null) return nowMs < variant.response.freshUntilMs ? 'request' : 'stale';
  return entry === null || entry.variants.length === 0 ? 'uri-miss' : 'vary-miss';
}
