// The head of a peer's answer to a handshake, whether it switched protocols or not.

import type { Exchange } from '../../core/exchange.ts';
import { HOP_BY_HOP_FIELDS, type RawHeaders } from '../../core/headers.ts';
import { limits } from '../../core/limits.ts';

/** Fields that concern this hop only, or that the listener writes anew. */
const DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP_FIELDS,
  'content-length',
  'date',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-protocol',
]);

/** Nothing longer is an exact integer in JavaScript. */
const CONTENT_LENGTH = /^\d{1,15}$/;

/** Fills status, fields and length; `raw` is Node's flat list. Returns what is wrong, or null. */
export function takeResponseHead(
  exchange: Exchange,
  status: number,
  raw: readonly string[],
): string | null {
  if (status > 599) return `status ${status}`;
  if (raw.length > 2 * limits.responseHeaderCount) return 'too many fields';
  const headers: RawHeaders = [];
  const named = new Set<string>();
  let byteLength = -1;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase();
    const value = raw[at + 1]!;
    if (!DROPPED.has(name)) {
      headers.push(name, value);
    } else if (name === 'content-length') {
      if (!CONTENT_LENGTH.test(value)) return 'a Content-Length that is not a length';
      byteLength = Number(value);
    } else if (name === 'transfer-encoding') {
      if (value.toLowerCase() !== 'chunked') return 'a Transfer-Encoding that is not chunked';
    } else if (name === 'connection') {
      for (const part of value.split(',')) named.add(part.trim().toLowerCase());
    }
  }
  exchange.status = status;
  exchange.responseHeaders = headers.filter((_, at) => !named.has(headers[at - (at % 2)]!));
  exchange.responseByteLength = status === 204 ? 0 : byteLength;
  return null;
}
