// Which responses have a body, and what must be kept to when a stage changes its bytes.

import type { Exchange } from './exchange.ts';
import { type RawHeaders, withoutFields } from './headers.ts';

/** What is true of the peer's bytes alone. */
const OF_THE_BYTES: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-digest',
  'content-md5',
  'digest',
  'repr-digest',
]);

/** Tells whether final responses of the status have no content (RFC 9110 section 6.4.1). */
export function isWithoutBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/** Tells whether there is a body, and that no part of another one. */
export function hasWholeBody({ status, responseByteLength }: Exchange): boolean {
  if (status < 200 || status === 206 || isWithoutBody(status)) return false;
  return responseByteLength !== 0;
}

/** The body is another one now: it has no parts, no digest, and its tag is a weak one. */
export function changedBodyFields(headers: RawHeaders): RawHeaders {
  const changed: RawHeaders = [];
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!;
    if (OF_THE_BYTES.has(name)) continue;
    changed.push(name, name === 'etag' && value.startsWith('"') ? `W/${value}` : value);
  }
  return changed;
}

/** What comes after the body, without digests of bytes that it has no more; null for nothing. */
export function changedBodyTrailers(trailers: RawHeaders | null): RawHeaders | null {
  if (trailers === null) return null;
  const changed = withoutFields(trailers, OF_THE_BYTES);
  return changed.length === 0 ? null : changed;
}
