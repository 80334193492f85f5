// The shapes of what stores and the sidecar tell each other about the cache (core/cache-link), for
// parse-message.

import type { LeaseEnd } from '../core/cache.ts';
import { type CacheToSidecar, cacheCountNames, type SidecarToCache } from '../core/cache-link.ts';
import { arePurges, purgeKinds, purgeValueMax } from '../core/purge-pages.ts';
import { isCount, isFlag, isSpan } from './value-checks.ts';

type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const leaseEnds: readonly LeaseEnd[] = ['stored', 'uncacheable', 'failed'];
const digestLengthMax = 64;
const fileLengthMax = 256;

const purges: Shape = { floor: isCount, records: arePurges, isPart: isFlag };

export const cacheToSidecarShapes: Readonly<Record<CacheToSidecar['kind'], Shape>> = {
  seek: { id: isCount, digest: isDigest },
  'lease-end': {
    id: isCount,
    digest: isDigest,
    end: (value) => leaseEnds.includes(value as LeaseEnd),
    freshMs: isSpan,
  },
  handed: { digest: isDigest, file: isFile },
  purge: {
    id: isCount,
    what: (value) => purgeKinds.includes(value as (typeof purgeKinds)[number]),
    value: (value) => typeof value === 'string' && value.length <= purgeValueMax,
    isSoft: isFlag,
  },
  'purges-known': { generation: isCount },
  purges,
  'cache-counts': { counts: areCounts },
};

export const cacheFromSidecarShapes: Readonly<Record<SidecarToCache['kind'], Shape>> = {
  granted: { id: isCount },
  denied: { id: isCount, passMs: isSpan },
  shared: { id: isCount, file: isFile },
  'hand-over': { digest: isDigest },
  'purges-wanted': { since: isCount },
  purges,
  purged: { id: isCount, isComplete: isFlag },
};

function isDigest(value: unknown): boolean {
  return typeof value === 'string' && value.length <= digestLengthMax;
}

function isFile(value: unknown): boolean {
  return typeof value === 'string' && value.length <= fileLengthMax;
}

function areCounts(value: unknown): boolean {
  return Array.isArray(value) && value.length === cacheCountNames.length && value.every(isCount);
}
