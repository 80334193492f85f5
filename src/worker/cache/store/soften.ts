// A soft purge: the answer is stale from that moment on, and as useful as a stale one may be.

import type { StoredResponse } from '../../../core/cache.ts';

/**
 * Returns the answer as it is after a soft purge at `generation`, which is also the time of the purge in ms.
 * The windows in which it may be served stale keep their length.
 */
export function softened(response: StoredResponse, generation: number): StoredResponse {
  const { freshUntilMs, staleWhileRevalidateUntilMs, staleIfErrorUntilMs } = response;
  const endMs = Math.min(freshUntilMs, generation);
  const movedMs = freshUntilMs - endMs;
  return {
    ...response,
    generation,
    refreshFromMs: Math.min(response.refreshFromMs, endMs),
    freshUntilMs: endMs,
    staleWhileRevalidateUntilMs: moved(staleWhileRevalidateUntilMs, movedMs),
    staleIfErrorUntilMs: moved(staleIfErrorUntilMs, movedMs),
  };
}

/** 0 means that there is no such window. */
function moved(untilMs: number, byMs: number): number {
  return untilMs === 0 ? 0 : untilMs - byMs;
}
