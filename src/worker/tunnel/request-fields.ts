// The head of the handshake for the peer, made of the client's.

import type { Exchange } from '../../core/exchange.ts';
import { HOP_BY_HOP_FIELDS } from '../../core/headers.ts';
import type { Peer } from '../../core/peer.ts';

/** Written by `ws` or by Node; none but sec-websocket-* is expected here. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP_FIELDS,
  'host',
  'content-length',
  'expect',
]);

/** Subprotocols as offered; what else begins like this belongs to one hop. */
const WEBSOCKET_PREFIX = 'sec-websocket-';

/** Returns the end-to-end fields with Host and the subprotocols; a name met twice has a list. */
export function handshakeFields(exchange: Exchange, peer: Peer): Record<string, string | string[]> {
  const fields = new Map<string, string | string[]>([['host', hostFor(exchange, peer)]]);
  const received = exchange.requestHeaders;
  for (let at = 0; at < received.length; at += 2) {
    const name = received[at]!;
    const value = received[at + 1]!;
    if (OWN_FIELDS.has(name) || name.startsWith(WEBSOCKET_PREFIX)) continue;
    const before = fields.get(name);
    if (before === undefined) fields.set(name, value);
    else if (typeof before === 'string') fields.set(name, [before, value]);
    else before.push(value);
  }
  const protocols = exchange.webSocket?.protocols ?? [];
  if (protocols.length > 0) fields.set('sec-websocket-protocol', protocols.join(', '));
  return Object.fromEntries(fields);
}

/** What Node would throw at, or write as two lines. */
export function isSendableTarget(target: string): boolean {
  return /^\/[\x21-\x7e\x80-\xff]*$/.test(target);
}

function hostFor(exchange: Exchange, peer: Peer): string {
  const policy = exchange.plan === null ? 'client' : exchange.plan.requestHead.hostHeader;
  if (policy === 'client') return exchange.host;
  return policy === 'peer' ? peer.address.authority : policy.literal;
}
