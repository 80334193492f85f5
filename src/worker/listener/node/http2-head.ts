// Reads the head of an HTTP/2 request. nghttp2 has checked the syntax of names and the pseudo-fields.

import { hasToken } from '../../../core/headers.ts';
import { isHost } from '../host.ts';
import {
  checkRequest,
  checkValue,
  emptyHead,
  protocolsIn,
  type ReceivedHead,
  refuse,
  takeLength,
} from './request-head.ts';

/** What counts only together with other fields. */
interface Seen {
  authority: string;
  hosts: number;
  lengths: number;
  cookies: string;
  protocol: string;
  version: string;
  protocols: string;
}

/** Reads flat raw fields; `isEmpty`: the stream ended with them. */
export function readHttp2Head(
  raw: readonly string[],
  isEmpty: boolean,
  countMax: number,
): ReceivedHead {
  const head = emptyHead();
  const seen: Seen = {
    authority: '',
    hosts: 0,
    lengths: 0,
    cookies: '',
    protocol: '',
    version: '',
    protocols: '',
  };
  for (let at = 0; at < raw.length; at += 2) takeField(head, seen, raw[at]!, raw[at + 1]!);
  // Split for the sake of compression; no hop behind us may see it so (RFC 9113 section 8.2.3).
  if (seen.cookies !== '') head.headers.push('cookie', seen.cookies);
  settleHost(head, seen);
  if (head.headers.length > countMax * 2) refuse(head, 'head_too_large', 'too many fields');
  head.hasBody = !isEmpty;
  if (head.method === 'CONNECT') readConnect(head, seen);
  checkRequest(head);
  if (seen.lengths > 1) refuse(head, 'bad_framing', 'more than one length');
  return head;
}

function takeField(head: ReceivedHead, seen: Seen, name: string, value: string): void {
  checkValue(head, value);
  switch (name) {
    case ':method':
      head.method = value;
      return;
    case ':path':
      head.target = value;
      return;
    case ':authority':
      seen.authority = value;
      return;
    case ':protocol':
      seen.protocol = value;
      return;
    case ':scheme':
    case 'expect':
      return;
    case 'host':
      seen.hosts += 1;
      head.host = value;
      return;
    case 'cookie':
      seen.cookies = seen.cookies === '' ? value : `${seen.cookies}; ${value}`;
      return;
    case 'te':
      head.takesTrailers = hasToken(value, 'trailers');
      break;
    case 'content-length':
      seen.lengths += 1;
      takeLength(head, value);
      break;
    case 'sec-websocket-version':
      seen.version = value;
      break;
    case 'sec-websocket-protocol':
      seen.protocols = seen.protocols === '' ? value : `${seen.protocols},${value}`;
      break;
  }
  head.headers.push(name, value);
}

/** Both may name the host, but only the same one (RFC 9113 section 8.3.1). */
function settleHost(head: ReceivedHead, seen: Seen): void {
  if (seen.hosts > 1) refuse(head, 'bad_host', 'host');
  if (seen.authority !== '') {
    if (seen.hosts > 0 && head.host.toLowerCase() !== seen.authority.toLowerCase()) {
      refuse(head, 'bad_host', 'host and authority differ');
    }
    head.host = seen.authority;
  }
  if (!isHost(head.host)) refuse(head, 'bad_host', 'host');
  head.headers.push('host', head.host);
}

/** Extended CONNECT opens WebSockets (RFC 8441); we are nobody's forward proxy. */
function readConnect(head: ReceivedHead, seen: Seen): void {
  if (seen.protocol !== 'websocket') {
    refuse(head, 'bad_request', 'CONNECT');
    head.target = '/';
    return;
  }
  // What the peer gets over HTTP/1.1.
  head.method = 'GET';
  head.hasBody = false;
  head.webSocket = { key: '', version: seen.version, protocols: protocolsIn(seen.protocols) };
  if (seen.version !== '13') refuse(head, 'upgrade_required', seen.version);
}
