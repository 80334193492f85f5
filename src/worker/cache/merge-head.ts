// What a 304 does to a stored answer (RFC 9111 sections 3.2 and 4.3.4).

import type { StoredResponse } from '../../core/cache.ts';
import { headerValue, type RawHeaders, withoutFields } from '../../core/headers.ts';

/** These describe the body that is stored, and stay as they are; cookies are for one client alone. */
const NOT_MERGED: readonly string[] = [
  'content-encoding',
  'content-range',
  'content-length',
  'content-md5',
  'content-digest',
  'set-cookie',
];

/** Whether a 304 is about this answer: a validator in it must be the stored one. */
export function isAbout(stored: StoredResponse, notModified: RawHeaders): boolean {
  const etag = headerValue(notModified, 'etag');
  if (etag !== undefined) return opaque(etag) === opaque(stored.etag);
  const lastModified = headerValue(notModified, 'last-modified');
  return lastModified === undefined || stored.etag !== '' || lastModified === stored.lastModified;
}

/**
 * Returns the stored fields with those of the 304 in place of the ones of the same name. A weak tag stays
 * weak: these are not the bytes that the peer calls by the strong one (they were decoded, say).
 */
export function mergedFields(stored: RawHeaders, notModified: RawHeaders): RawHeaders {
  const isWeak = headerValue(stored, 'etag')?.startsWith('W/') === true;
  const fresh = withoutFields(notModified, new Set(isWeak ? [...NOT_MERGED, 'etag'] : NOT_MERGED));
  const names = new Set<string>();
  for (let at = 0; at < fresh.length; at += 2) names.add(fresh[at]!);
  return [...withoutFields(stored, names), ...fresh];
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}
