// Purges as they travel between processes and lie on disk: flat lists, cut into pages because frames are
// bounded.

import type { PurgeCommand } from './cache.ts';
import type { Purges } from './cache-link.ts';
import type { PurgeRecord } from './purge-log.ts';

/** Longest value of a purge in characters, e.g. a URL. */
export const purgeValueMax = 8192;
/** Records and characters of their values in one page. */
export const pageRecordsMax = 4096;
const pageCharactersMax = 64 * 1024;

export const purgeKinds: readonly PurgeCommand['kind'][] = ['url', 'prefix', 'tag', 'all'];

/** Returns at least one page, the last of which is no part. */
export function writePurges(floor: number, records: readonly PurgeRecord[]): Purges[] {
  const pages: Purges[] = [];
  let page: (string | number)[] = [];
  let characters = 0;
  for (const { generation, kind, value, isSoft } of records) {
    if (page.length >= pageRecordsMax * 4 || characters > pageCharactersMax) {
      pages.push({ kind: 'purges', floor, records: page, isPart: true });
      page = [];
      characters = 0;
    }
    page.push(generation, kind, value, isSoft ? 1 : 0);
    characters += value.length;
  }
  pages.push({ kind: 'purges', floor, records: page, isPart: false });
  return pages;
}

/** Returns the records of a page that `arePurges` has accepted. */
export function readPurges({ records }: Pick<Purges, 'records'>): PurgeRecord[] {
  const read: PurgeRecord[] = [];
  for (let at = 0; at < records.length; at += 4) {
    read.push({
      generation: records[at] as number,
      kind: records[at + 1] as PurgeCommand['kind'],
      value: records[at + 2] as string,
      isSoft: records[at + 3] === 1,
    });
  }
  return read;
}

/** Tells whether a value from outside is a flat list of purges. */
export function arePurges(value: unknown): value is Purges['records'] {
  if (!Array.isArray(value) || value.length % 4 !== 0) return false;
  if (value.length > pageRecordsMax * 4) return false;
  for (let at = 0; at < value.length; at += 4) {
    if (!Number.isSafeInteger(value[at]) || value[at] < 0) return false;
    if (!isPurge(value[at + 1], value[at + 2])) return false;
    if (value[at + 3] !== 0 && value[at + 3] !== 1) return false;
  }
  return true;
}

/** Tells whether two values from outside are kind and value of a purge. */
export function isPurge(kind: unknown, value: unknown): boolean {
  if (!purgeKinds.includes(kind as PurgeCommand['kind'])) return false;
  return typeof value === 'string' && value.length <= purgeValueMax;
}
