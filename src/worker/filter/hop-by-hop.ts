// Fields that concern one connection only and must not be forwarded (RFC 9110 section 7.6.1).

/** Always removed from a request; `proxy` closes HTTPoxy for CGI-like peers. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  // Not hop-by-hop, but written anew by the transport or already answered by the listener.
  'content-length',
  'expect',
  'host',
]);

/** Tells whether the field never leaves this hop. */
export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/** Returns the names listed in a Connection field that must go too, or null when there are none. */
export function namedByConnection(value: string): ReadonlySet<string> | null {
  // The overwhelming majority of requests say nothing more than this.
  if (value === 'keep-alive' || value === 'close' || value === 'Keep-Alive') return null;
  const names = new Set<string>();
  for (const part of value.split(',')) names.add(part.trim().toLowerCase());
  return names;
}
