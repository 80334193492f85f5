// Stored answers for tests of where they are kept.

import type { StoredResponse } from '../../src/core/cache.ts';

/** Returns an answer of that key, fresh for a minute from `storedAtMs` on; `changes` win. */
export function storedResponse(key: string, changes: Partial<StoredResponse> = {}): StoredResponse {
  const storedAtMs = changes.storedAtMs ?? 1_000_000;
  return {
    key,
    url: `http://example.test/${key}`,
    route: 'all',
    status: 200,
    headers: ['content-type', 'text/plain'],
    bodyBytes: 0,
    vary: [],
    varyKey: '',
    tags: [],
    generation: 0,
    bornMs: storedAtMs,
    storedAtMs,
    fetchMs: 5,
    refreshFromMs: storedAtMs + 55_000,
    freshUntilMs: storedAtMs + 60_000,
    staleWhileRevalidateUntilMs: 0,
    staleIfErrorUntilMs: 0,
    keepUntilMs: storedAtMs + 3_600_000,
    etag: '',
    lastModified: '',
    ...changes,
  };
}
