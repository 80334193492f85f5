// Turns an exchange into what undici's dispatch takes.

import type { Dispatcher } from 'undici';
import type { Exchange } from '../../../core/exchange.ts';
import { isGrpc } from '../../../core/grpc.ts';
import { HOP_BY_HOP_FIELDS } from '../../../core/headers.ts';
import type { Peer } from '../../../core/peer.ts';
import type { UndiciOptions } from './options.ts';

/** undici throws on these, or writes them itself; none of them is expected here. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP_FIELDS,
  'host',
  'content-length',
  'expect',
  'http2-settings',
]);

/** Returns the options for one dispatch; `body` is null, the whole body, or a stream of it. */
export function requestOptions(
  exchange: Exchange,
  peer: Peer,
  body: Dispatcher.DispatchOptions['body'],
  options: UndiciOptions,
): Dispatcher.DispatchOptions {
  return {
    path: exchange.target,
    method: exchange.method as Dispatcher.HttpMethod,
    headers: requestFields(exchange, peer),
    body: body ?? null,
    headersTimeout: options.timeouts.headMs,
    bodyTimeout: options.timeouts.bodyIdleMs,
    // undici closes the connection after HEAD, and after a body with GET, DELETE…; no reason to here.
    reset: false,
    // Constant per peer: undici would reconnect whenever the name made from Host changes.
    servername: peer.address.hostname,
  } as Dispatcher.DispatchOptions;
}

function requestFields(exchange: Exchange, peer: Peer): string[] {
  const received = exchange.requestHeaders;
  const fields = ['host', hostFor(exchange, peer)];
  for (let at = 0; at < received.length; at += 2) {
    if (!OWN_FIELDS.has(received[at]!)) fields.push(received[at]!, received[at + 1]!);
  }
  // What gRPC servers insist on; in HTTP/2 it may be said (RFC 9113 section 8.2.2).
  if (isGrpc(exchange)) fields.push('te', 'trailers');
  const body = exchange.requestBody;
  // Without it undici frames a stream as chunked.
  if (body !== null && body.byteLength >= 0) fields.push('content-length', `${body.byteLength}`);
  return fields;
}

function hostFor(exchange: Exchange, peer: Peer): string {
  const policy = exchange.plan === null ? 'client' : exchange.plan.requestHead.hostHeader;
  if (policy === 'client') return exchange.host;
  return policy === 'peer' ? peer.address.authority : policy.literal;
}
