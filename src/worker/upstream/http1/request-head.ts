// Writes the head of a request for a peer as one latin1 string: request line, Host, the end-to-end
// fields as they are, and the fields that frame the body.

import type { Exchange } from '../../../core/exchange.ts';
import type { Peer } from '../../../core/peer.ts';

/** Returns the head with its empty line. All parts are byte strings that were checked on their way in. */
export function writeRequestHead(exchange: Exchange, peer: Peer): string {
  const headers = exchange.requestHeaders;
  let head = `${exchange.method} ${exchange.target} HTTP/1.1\r\nhost: ${hostFor(exchange, peer)}\r\n`;
  for (let at = 0; at < headers.length; at += 2) head += `${headers[at]}: ${headers[at + 1]}\r\n`;
  const body = exchange.requestBody;
  if (body === null) {
    return expectsBody(exchange.method) ? `${head}content-length: 0\r\n\r\n` : `${head}\r\n`;
  }
  if (body.byteLength < 0) return `${head}transfer-encoding: chunked\r\n\r\n`;
  return `${head}content-length: ${body.byteLength}\r\n\r\n`;
}

function hostFor(exchange: Exchange, peer: Peer): string {
  const policy = exchange.plan === null ? 'client' : exchange.plan.requestHead.hostHeader;
  if (policy === 'client') return exchange.host;
  return policy === 'peer' ? peer.address.authority : policy.literal;
}

/** Methods whose requests say so when they have no body (RFC 9110 section 8.6). */
function expectsBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}
