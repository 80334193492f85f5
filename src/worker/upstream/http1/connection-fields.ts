// What the Connection and Keep-Alive fields of a response say (RFC 9112 section 9, RFC 9110 7.6.1).

import { hasToken } from '../../../core/headers.ts';

/** Returns `timeout` of a Keep-Alive value in ms; -1 when there is none. */
export function keepAliveTimeoutMs(value: string): number {
  const match = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i.exec(value);
  return match === null ? -1 : Number(match[1]) * 1000;
}

/** Tells whether the peer lets the connection live on (RFC 9112 section 9.3). */
export function isPersistent(connection: string, isMinorOne: boolean): boolean {
  // Nearly always one of these.
  if (connection === '') return isMinorOne;
  if (connection === 'keep-alive' || connection === 'Keep-Alive') return true;
  if (hasToken(connection, 'close')) return false;
  return isMinorOne || hasToken(connection, 'keep-alive');
}

/** Returns the names that Connection gives to fields of this hop, or null when it gives none. */
export function namedFields(connection: string): ReadonlySet<string> | null {
  if (connection === '' || connection === 'keep-alive' || connection === 'close') return null;
  const named = new Set<string>();
  for (const part of connection.split(',')) named.add(part.trim().toLowerCase());
  return named;
}
