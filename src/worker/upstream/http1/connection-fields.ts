// What the Connection and Keep-Alive fields of a response say (RFC 9112 section 9, RFC 9110 7.6.1).

import type { RawHeaders } from '../../../core/headers.ts';

/** Returns `timeout` of a Keep-Alive value in ms; -1 when there is none. */
export function keepAliveTimeoutMs(value: string): number {
  const match = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i.exec(value);
  return match === null ? -1 : Number(match[1]) * 1000;
}

/** Returns the fields without those that Connection names as concerning this hop only. */
export function withoutNamedFields(headers: RawHeaders, connection: string): RawHeaders {
  const named = new Set<string>();
  for (const part of connection.split(',')) named.add(part.trim().toLowerCase());
  const kept: RawHeaders = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (!named.has(headers[at]!)) kept.push(headers[at]!, headers[at + 1]!);
  }
  return kept;
}
