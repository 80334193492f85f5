// What the caches of one worker did, by route: plain numbers, one row per route as in metrics.ts.

import type { CacheStatus } from '../core/cache.ts';

/** In the order of the columns; two more follow: answers stored, and the bytes of their bodies. */
export const CACHE_STATUSES: readonly CacheStatus[] = [
  'hit',
  'stale',
  'revalidated',
  'collapsed',
  'miss',
  'bypass',
];

const STORED = CACHE_STATUSES.length;
const STORED_BYTES = STORED + 1;
export const CACHE_COLUMNS = STORED_BYTES + 1;

const COLUMN_OF = new Map(CACHE_STATUSES.map((status, column) => [status, column]));

/** The part of a merged route that Prometheus shows. */
export interface CachedRoute {
  readonly cache: readonly number[];
}

export class CacheNumbers {
  /** By route; null for those that never cached. */
  readonly #rows: (Float64Array | null)[] = [];

  /** Counts what the cache did for an exchange. */
  record(row: number, status: CacheStatus): void {
    this.#row(row)[COLUMN_OF.get(status)!]! += 1;
  }

  /** Counts an answer that was stored. */
  recordStored(row: number, bodyBytes: number): void {
    const numbers = this.#row(row);
    numbers[STORED]! += 1;
    numbers[STORED_BYTES]! += bodyBytes;
  }

  /** Returns the columns of a route; none when it never cached. */
  read(row: number): number[] {
    return [...(this.#rows[row] ?? [])];
  }

  #row(row: number): Float64Array {
    while (this.#rows.length <= row) this.#rows.push(null);
    this.#rows[row] ??= new Float64Array(CACHE_COLUMNS);
    return this.#rows[row];
  }
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Where the lines go; implemented by prometheus.ts. */
export interface CacheText {
  add(name: string, type: 'counter', help: string, samples: readonly Sample[]): void;
}

/** Adds the lines of the caches; none when no route caches. */
export function addCaches(text: CacheText, routes: ReadonlyMap<string, CachedRoute>): void {
  const requests: Sample[] = [];
  const stored: Sample[] = [];
  const bytes: Sample[] = [];
  for (const [route, { cache }] of routes) {
    if (cache.length === 0) continue;
    for (const [column, status] of CACHE_STATUSES.entries()) {
      requests.push([{ route, cache: status }, cache[column] ?? 0]);
    }
    stored.push([{ route }, cache[STORED] ?? 0]);
    bytes.push([{ route }, cache[STORED_BYTES] ?? 0]);
  }
  if (requests.length === 0) return;
  text.add('cache_requests_total', 'counter', 'Exchanges by what the cache did.', requests);
  text.add('cache_stored_total', 'counter', 'Answers stored.', stored);
  text.add('cache_stored_bytes_total', 'counter', 'Body bytes of answers stored.', bytes);
}
