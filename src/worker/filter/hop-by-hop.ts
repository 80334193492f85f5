// Fields that concern one connection only and must not be forwarded (RFC 9110 section 7.6.1).

import { HOP_BY_HOP_FIELDS } from '../../core/headers.ts';

/** Always removed from a request; `proxy` closes HTTPoxy for CGI-like peers. */
const DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP_FIELDS,
  'proxy-authenticate',
  'proxy-authorization',
  'proxy',
  'http2-settings',
  // Not hop-by-hop, but written anew by the transport or already answered by the listener.
  'content-length',
  'expect',
  'host',
]);

/** Tells whether the field never leaves this hop. */
export function isHopByHop(name: string): boolean {
  return DROPPED.has(name);
}

/** Returns the names listed in a Connection field that must go too, or null when there are none. */
export function namedByConnection(value: string): ReadonlySet<string> | null {
  // The overwhelming majority of requests say nothing more than this.
  if (value === 'keep-alive' || value === 'close' || value === 'Keep-Alive') return null;
  const names = new Set<string>();
  for (const part of value.split(',')) names.add(part.trim().toLowerCase());
  return names;
}
