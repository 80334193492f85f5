// A fetch that runs while something is being purged: what it brings may be what has to go, though the purge
// has no number yet. Once it has, generations tell.

import type { CacheStore } from '../../core/cache.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { FetchedRequest } from './policy.ts';

/** Whether nobody who asks now, as `exchange` does, may have the answer to a request that was sent before. */
export function isBeingPurged(
  { url, origin }: FetchedRequest,
  { receivedTarget }: Exchange,
  store: CacheStore,
): boolean {
  if (!store.isPurging) return false;
  // They may be two spellings of the same.
  return store.mayBePurged(url) || store.mayBePurged(origin + receivedTarget);
}
