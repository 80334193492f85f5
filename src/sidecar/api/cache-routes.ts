// The routes of the admin API about the cache: what it holds and has done, and purges, which hold everywhere
// before they are answered.

import { cacheCountNames } from '../../core/cache-link.ts';
import { type AdminAnswer, json, problem } from '../admin-answer.ts';
import type { AdminRoute } from '../admin-routes.ts';
import type { CacheDesk, WorkerCounts } from '../cache/cache-desk.ts';
import type { DiskReport } from '../cache/disk-keeper.ts';
import { readPurge } from './read-purge.ts';

export interface CacheRoutesOptions {
  readonly desk: () => CacheDesk;
  readonly disk: () => DiskReport | null;
}

/** Creates GET /api/cache and POST /api/cache/purge. */
export function createCacheRoutes(options: CacheRoutesOptions): AdminRoute[] {
  return [
    { method: 'GET', path: '/api/cache', answer: () => show(options) },
    {
      method: 'POST',
      path: '/api/cache/purge',
      answer: ({ body }) => purge(options.desk(), body),
    },
  ];
}

function show({ desk, disk }: CacheRoutesOptions): AdminAnswer {
  const { leases, passes, purges, counts } = desk();
  return json(200, {
    workers: counts.map(viewOf),
    disk: disk(),
    leases: { running: leases.leases, waiting: leases.waiting, passed: passes },
    purges: { generation: purges.log.generation, remembered: purges.log.size },
  });
}

function viewOf({ slot, counts }: WorkerCounts): Record<string, unknown> {
  const view: Record<string, unknown> = { slot };
  for (const [at, name] of cacheCountNames.entries()) {
    view[name] = name === 'diskWorks' ? counts[at] === 1 : counts[at]!;
  }
  return view;
}

async function purge(desk: CacheDesk, body: unknown): Promise<AdminAnswer> {
  const read = readPurge(body);
  if ('problems' in read) return problem(422, 'invalid', 'The body is not valid.', read.problems);
  const { generation, workers, isComplete } = await desk.purge(read.command);
  if (isComplete) return json(200, { generation, workers });
  const message = `The purge holds in ${workers} workers, but not everywhere: ask again.`;
  return problem(503, 'failed', message);
}
