// Writes the head of a request for a peer as one latin1 string: request line, Host, the end-to-end
// fields as they are, and the fields that frame the body.

import type { Exchange } from '../../../core/exchange.ts';
import { KEPT_NAME_LENGTH_MAX } from '../../../core/headers.ts';
import type { Peer } from '../../../core/peer.ts';
import { flatText } from '../../../std/flat-text.ts';
import { FIRST_REPEATED, RepeatedLines } from './repeated-lines.ts';

const CRLF = '\r\n';
const END = '\r\n\r\n';
const NO_BODY = '\r\ncontent-length: 0\r\n\r\n';
const CHUNKED_BODY = '\r\ntransfer-encoding: chunked\r\n\r\n';

const repeated = new RepeatedLines();

/** Returns the head with its empty line. All parts are byte strings that were checked on their way in. */
export function writeRequestHead(exchange: Exchange, peer: Peer): string {
  const headers = exchange.requestHeaders;
  let head = `${exchange.method} ${exchange.target} HTTP/1.1\r\nhost: ${hostFor(exchange, peer)}`;
  // One concatenation at a time: 10 % faster than a template for each field, and than writing octets.
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const row = name === FIRST_REPEATED ? repeated.find(headers, at) : null;
    if (row === null) {
      head = head + lineStart(name) + headers[at + 1]!;
    } else {
      head += row.text;
      at += row.length - 2;
    }
  }
  const body = exchange.requestBody;
  if (body === null) return head + (expectsBody(exchange.method) ? NO_BODY : END);
  if (body.byteLength < 0) return head + CHUNKED_BODY;
  return `${head}\r\ncontent-length: ${body.byteLength}${END}`;
}

// What stands before a value, by name: two pieces less for each field to put together and to copy (whole
// proxy, 15 browser fields: 0.975 of the CPU per request).
const lineStarts = new Map<string, string>();
const LINE_STARTS_MAX = 1000;

function lineStart(name: string): string {
  const known = lineStarts.get(name);
  if (known !== undefined) return known;
  const start = `${CRLF}${name}: `;
  if (name.length > KEPT_NAME_LENGTH_MAX || lineStarts.size >= LINE_STARTS_MAX) return start;
  const piece = flatText(start);
  lineStarts.set(name, piece);
  return piece;
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
