// The response head as compression sees it: what stands against it, and what the head says afterwards.
// Lists are never changed in place: the one that came may belong to a stored answer.

import { hasToken, type RawHeaders } from '../../core/headers.ts';

/** What the fields of a response say about changing its body. */
export interface BodyFacts {
  /** Lower case; `identity` when there is none. */
  readonly coding: string;
  readonly contentType: string;
  /** The bytes must stay as they are: no-transform, a part of a whole, or a digest over them. */
  readonly isSealed: boolean;
}

const DIGESTS: ReadonlySet<string> = new Set([
  'content-digest',
  'repr-digest',
  'digest',
  'content-md5',
]);

/** Reads what the fields say, in one pass. */
export function readBodyFacts(headers: RawHeaders): BodyFacts {
  let coding = '';
  let contentType = '';
  let isSealed = false;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!;
    if (name === 'content-type') contentType = value;
    else if (name === 'content-encoding') coding = joined(coding, value);
    else if (name === 'cache-control') isSealed ||= hasToken(value, 'no-transform');
    else if (name === 'content-range' || DIGESTS.has(name)) isSealed = true;
  }
  return { coding: plainCoding(coding), contentType, isSealed };
}

/** Returns the fields of the same body in `coding`; null for plain. */
export function recodedFields(headers: RawHeaders, coding: string | null): RawHeaders {
  const fields: RawHeaders = [];
  let isVaried = false;
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    let value = headers[at + 1]!;
    // A part of these bytes can't be had: ranges are of the peer's.
    if (name === 'content-encoding' || name === 'accept-ranges') continue;
    if (name === 'etag') value = weakened(value);
    else if (name === 'vary') isVaried ||= coversEncoding(value);
    fields.push(name, value);
  }
  if (coding !== null) fields.push('content-encoding', coding);
  if (!isVaried) fields.push('vary', 'accept-encoding');
  return fields;
}

/** Returns the fields with a word to caches that the answer goes by Accept-Encoding. */
export function variedFields(headers: RawHeaders): RawHeaders {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] === 'vary' && coversEncoding(headers[at + 1]!)) return headers;
  }
  return [...headers, 'vary', 'accept-encoding'];
}

/**
 * Returns the fields of a 304 as they are for a client that holds a compressed answer: the tag that it
 * asked with is the weak form of the peer's, and it must find it in the answer to know its own copy again.
 */
export function revalidatedFields(headers: RawHeaders, ifNoneMatch: string): RawHeaders {
  const fields = [...variedFields(headers)];
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== 'etag') continue;
    const weak = weakened(fields[at + 1]!);
    if (ifNoneMatch.includes(weak)) fields[at + 1] = weak;
  }
  return fields;
}

/** A tag of other bytes with the same meaning (RFC 9110 section 8.8.1). */
function weakened(etag: string): string {
  return etag.startsWith('"') ? `W/${etag}` : etag;
}

function coversEncoding(vary: string): boolean {
  return vary.trim() === '*' || hasToken(vary, 'accept-encoding');
}

function joined(list: string, value: string): string {
  return list === '' ? value : `${list},${value}`;
}

/** One name, whatever it was called; a list of several stays one. */
function plainCoding(value: string): string {
  const coding = value.trim().toLowerCase();
  if (coding === '') return 'identity';
  return coding === 'x-gzip' ? 'gzip' : coding;
}
