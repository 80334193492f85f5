// What the stores of the workers and the sidecar tell each other: leases, answers that are handed over, and
// purges. Plain data; src/channel carries it.
//
//   worker            sidecar              worker
//     │── seek ──────────►│                    │        One worker fetches for all: the lease. Whoever else
//     │◄──────── granted ─│◄──────────── seek ─│        seeks waits, and is told where the answer is:
//     │── lease-end ─────►│                    │        in a file of the run directory that the holder
//     │◄────── hand-over ─│                    │        writes when somebody wants it.
//     │── handed ────────►│── shared ─────────►│
//
// Keys go by digest. Numbers of seekers (`id`) are their worker's own, and never used twice.

import type { LeaseEnd, PurgeCommand } from './cache.ts';

/** Wants to fetch what `digest` stands for. */
export interface Seek {
  readonly kind: 'seek';
  readonly id: number;
  readonly digest: string;
}

/** A fetch has ended. `freshMs`: how long others may have it from the holder. */
export interface LeaseEnded {
  readonly kind: 'lease-end';
  readonly id: number;
  readonly digest: string;
  readonly end: LeaseEnd;
  readonly freshMs: number;
}

/** The answer to `hand-over`; '' when it is not to be had any more. */
export interface Handed {
  readonly kind: 'handed';
  readonly digest: string;
  readonly file: string;
}

/** Asks for a purge everywhere. */
export interface PurgeAsked {
  readonly kind: 'purge';
  readonly id: number;
  readonly what: PurgeCommand['kind'];
  readonly value: string;
  readonly isSoft: boolean;
}

/** Knows all purges up to that one; the first message of a link, and the answer to `purges`. */
export interface PurgesKnown {
  readonly kind: 'purges-known';
  readonly generation: number;
}

/** Purges, oldest first: generation, kind, value, soft (1) or hard (0), generation… */
export interface Purges {
  readonly kind: 'purges';
  /** All that is older counts as purged. */
  readonly floor: number;
  readonly records: readonly (string | number)[];
  /** More follow. */
  readonly isPart: boolean;
}

/** What the cache of a worker holds and has done, in the order of `cacheCountNames`. */
export interface CacheCounts {
  readonly kind: 'cache-counts';
  readonly counts: readonly number[];
}

export type CacheToSidecar =
  | Seek
  | LeaseEnded
  | Handed
  | PurgeAsked
  | PurgesKnown
  | Purges
  | CacheCounts;

/** Fetch: nobody else does. */
export interface Granted {
  readonly kind: 'granted';
  readonly id: number;
}

/** Fetch without a lease; for `passMs` (0 for not) nobody needs to ask again. */
export interface Denied {
  readonly kind: 'denied';
  readonly id: number;
  readonly passMs: number;
}

/** Another worker has it: the file holds it, for a few seconds. */
export interface Shared {
  readonly kind: 'shared';
  readonly id: number;
  readonly file: string;
}

/** Others want what this worker has stored. */
export interface HandOver {
  readonly kind: 'hand-over';
  readonly digest: string;
}

/** The sidecar knows less than this worker: it wants all after that one. */
export interface PurgesWanted {
  readonly kind: 'purges-wanted';
  readonly since: number;
}

/** A purge that was asked for holds in `workers` workers, and everywhere if `isComplete`. */
export interface Purged {
  readonly kind: 'purged';
  readonly id: number;
  readonly isComplete: boolean;
}

export type SidecarToCache = Granted | Denied | Shared | HandOver | PurgesWanted | Purges | Purged;

/** Length of a digest, of base64url. */
export const digestChars = 22;
/** How long a lease lasts, and how long somebody waits for one. */
export const leaseMs = 5000;
/** How long nobody waits for answers that turned out not to be cacheable. */
export const passMs = 120_000;

export const cacheCountNames = [
  'finds',
  'found',
  'entries',
  'bytes',
  'bytesMax',
  'stored',
  'evicted',
  'purged',
  'refused',
  'leases',
  'shared',
  'handedOver',
  'diskReads',
  'diskHits',
  'diskWrites',
  'diskWritesDropped',
  'diskCorrupt',
  'diskWorks',
] as const;
export type CacheCountName = (typeof cacheCountNames)[number];

/** The way to the sidecar, as the store of a worker sees it. */
export interface CacheLink {
  /** The sidecar answers. */
  readonly connected: boolean;
  /** Returns a number that this worker has not used for a seeker or purge before. */
  nextId(): number;
  /** False when it could not be sent. */
  send(message: CacheToSidecar): boolean;
}
