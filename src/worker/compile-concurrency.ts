// Makes the filters that count running exchanges out of a route's settings.

import type { RouteConfig } from '../config/schema.ts';
import { ConcurrencyFilter, type ConcurrencyLimit } from './filter/limit/concurrency.ts';
import { compileLimitKey, isOfCredentials } from './filter/limit/limit-key.ts';
import type { Kept } from './kept.ts';
import type { RouteContext } from './route-context.ts';

/** A limit with its counts: a reload that leaves it alone must not let twice as many run. */
class KeptLimit implements Kept {
  readonly limit: ConcurrencyLimit;

  constructor(limit: ConcurrencyLimit) {
    this.limit = limit;
  }

  /** What still runs gives its places back to the table that it has. */
  close(): void {}
}

/** The limits by whom somebody proved to be come after that was asked for, all others before. */
export function compileConcurrency(
  route: RouteConfig,
  { kept }: RouteContext,
  isByUser: boolean,
): ConcurrencyFilter | null {
  const limits = route.concurrency
    .map((limit, at) => ({ ...limit, name: limit.name ?? `concurrency-${at + 1}` }))
    .filter(({ key }) => isOfCredentials(key) === isByUser)
    .map((limit) => {
      const { name, key, max } = limit;
      const label = `concurrency ${JSON.stringify([route.name, limit])}`;
      const make = () =>
        new KeptLimit({ name, max, key: compileLimitKey(key), running: new Map() });
      return kept.get(label, make).limit;
    });
  return limits.length === 0 ? null : new ConcurrencyFilter(limits);
}
