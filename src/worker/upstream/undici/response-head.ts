// Takes the head of a response as undici gives it into the exchange: flat octets from HTTP/1.1, an object
// of strings from HTTP/2.

import type { IncomingHttpHeaders } from 'node:http';
import type { Exchange } from '../../../core/exchange.ts';
import { HOP_BY_HOP_FIELDS, type RawHeaders, withoutFields } from '../../../core/headers.ts';
import { limits } from '../../../core/limits.ts';
import { isTrailerField } from '../../../core/trailers.ts';

/** Fields that concern this hop only, or that the listener writes anew. */
const DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP_FIELDS, 'content-length', 'date']);

/** Nothing longer is an exact integer in JavaScript. */
const CONTENT_LENGTH = /^\d{1,15}$/;

export type UndiciHeaders = Buffer[] | string[] | IncomingHttpHeaders | null | undefined;

/**
 * Fills status, fields and length of the response; returns what is wrong with the head, or null. undici
 * has checked the syntax, but lets some things pass that we do not.
 */
export function takeResponseHead(
  exchange: Exchange,
  status: number,
  raw: UndiciHeaders,
): string | null {
  if (status > 599) return `status ${status}`;
  const received = fieldsOf(raw);
  if (received.length > 2 * limits.responseHeaderCount) return 'too many fields';
  const headers: RawHeaders = [];
  let byteLength = -1;
  let date = '';
  let named: Set<string> | null = null;
  for (let at = 0; at < received.length; at += 2) {
    const name = received[at]!;
    const value = received[at + 1]!;
    if (!DROPPED.has(name)) {
      headers.push(name, value);
    } else if (name === 'content-length') {
      if (!CONTENT_LENGTH.test(value)) return 'a Content-Length that is not a length';
      byteLength = Number(value);
    } else if (name === 'date') {
      date = value;
    } else if (name === 'transfer-encoding') {
      // A body with another coding would go on without the field that names it.
      if (value.toLowerCase() !== 'chunked') return 'a Transfer-Encoding that is not chunked';
    } else if (name === 'connection') {
      named ??= new Set();
      for (const part of value.split(',')) named.add(part.trim().toLowerCase());
    }
  }
  exchange.status = status;
  exchange.responseHeaders = named === null ? headers : withoutFields(headers, named);
  exchange.responseDate = date;
  exchange.responseByteLength = status === 204 ? 0 : byteLength;
  return null;
}

/** Returns the fields after a body that may be passed on; null when there are none. */
export function trailerFields(raw: UndiciHeaders): RawHeaders | null {
  const received = fieldsOf(raw);
  const kept: RawHeaders = [];
  for (let at = 0; at < received.length && at < 2 * limits.responseHeaderCount; at += 2) {
    if (isTrailerField(received[at]!)) kept.push(received[at]!, received[at + 1]!);
  }
  return kept.length === 0 ? null : kept;
}

/** Returns fields as they are everywhere else; names in lower case. */
export function fieldsOf(raw: UndiciHeaders): RawHeaders {
  const flat: RawHeaders = [];
  if (raw === null || raw === undefined) return flat;
  if (Array.isArray(raw)) {
    for (let at = 0; at < raw.length; at += 2) {
      flat.push(octets(raw[at]!).toLowerCase(), octets(raw[at + 1]!));
    }
    return flat;
  }
  for (const [name, value] of Object.entries(raw)) {
    if (typeof value === 'string') flat.push(name, value);
    else for (const one of value ?? []) flat.push(name, one);
  }
  return flat;
}

function octets(value: Buffer | string): string {
  return typeof value === 'string' ? value : value.toString('latin1');
}
