// Conditions of requests, held against a stored answer (RFC 9110 section 13), and the conditions that we
// send when we validate one.

import type { StoredResponse } from '../../core/cache.ts';
import { type RawHeaders, withoutFields } from '../../core/headers.ts';
import { parseHttpDate } from './http-date.ts';

const ENTITY_TAG = /(?:W\/)?"[^"]*"/g;

/** Fields about the body, which a 304 is without (RFC 9110 section 15.4.5). */
const BODY_FIELDS: ReadonlySet<string> = new Set([
  'content-type',
  'content-encoding',
  'content-language',
  'content-range',
]);

/** Fields that ask for a part of an answer, or for none when nothing has changed. */
const CONDITIONS: ReadonlySet<string> = new Set([
  'range',
  'if-range',
  'if-none-match',
  'if-modified-since',
]);

/** Whether the client has this answer already; both are '' when the request says nothing. */
export function isNotModified(
  stored: StoredResponse,
  ifNoneMatch: string,
  ifModifiedSince: string,
): boolean {
  if (ifNoneMatch !== '') return ifNoneMatch.trim() === '*' || listsTag(ifNoneMatch, stored.etag);
  if (ifModifiedSince === '') return false;
  const sinceMs = parseHttpDate(ifModifiedSince, stored.storedAtMs);
  if (Number.isNaN(sinceMs)) return false;
  const modifiedMs = parseHttpDate(stored.lastModified, stored.storedAtMs);
  // Without Last-Modified it is not older than itself (RFC 9111 section 4.3.2).
  return (Number.isNaN(modifiedMs) ? stored.bornMs : modifiedMs) <= sinceMs;
}

/** Weak comparison (RFC 9110 section 8.8.3.2). */
function listsTag(list: string, etag: string): boolean {
  if (etag === '') return false;
  const wanted = opaque(etag);
  for (const tag of list.match(ENTITY_TAG) ?? []) if (opaque(tag) === wanted) return true;
  return false;
}

/** Whether If-Range allows a part: only a strong validator does (RFC 9110 section 13.1.5). */
export function allowsRange(stored: StoredResponse, ifRange: string): boolean {
  if (ifRange === '') return true;
  if (ifRange.startsWith('"')) return ifRange === stored.etag;
  if (ifRange !== stored.lastModified) return false;
  // Two versions of the same second have the same date.
  const modifiedMs = parseHttpDate(stored.lastModified, stored.storedAtMs);
  return modifiedMs + 1000 <= stored.bornMs;
}

/** Returns the fields of a 304. */
export function notModifiedFields(headers: RawHeaders): RawHeaders {
  return withoutFields(headers, BODY_FIELDS);
}

/** Returns the request's fields for a fetch of the whole, on condition that it is not the stored one. */
export function fetchFields(headers: RawHeaders, stored: StoredResponse | null): RawHeaders {
  const fields = withoutFields(headers, CONDITIONS);
  if (stored === null) return fields;
  if (stored.etag !== '') fields.push('if-none-match', stored.etag);
  if (stored.lastModified !== '') fields.push('if-modified-since', stored.lastModified);
  return fields;
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}
