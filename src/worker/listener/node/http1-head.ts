// Reads the head of an HTTP/1.x request that node:http has parsed. Its parser refuses what is malformed
// (two lengths, a length beside chunks, folded lines, bare line feeds); what it lets pass is checked here.

import type { IncomingMessage } from 'node:http';
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

const WEB_SOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;

/** What counts only together with other fields. */
interface Seen {
  hosts: number;
  lengths: number;
  encodings: number;
  connection: string;
  upgrade: string;
  key: string;
  version: string;
  protocols: string;
}

/** `localAuthority` stands in for the host that HTTP/1.0 clients need not name. */
export function readHttp1Head(
  request: IncomingMessage,
  countMax: number,
  localAuthority: string,
): ReceivedHead {
  const head = emptyHead();
  const seen: Seen = {
    hosts: 0,
    lengths: 0,
    encodings: 0,
    connection: '',
    upgrade: '',
    key: '',
    version: '',
    protocols: '',
  };
  const raw = request.rawHeaders;
  for (let at = 0; at < raw.length; at += 2) {
    takeField(head, seen, raw[at]!.toLowerCase(), raw[at + 1]!);
  }
  head.method = request.method ?? '';
  readTarget(head, seen, request.url ?? '');
  const isOld = request.httpVersionMinor === 0;
  if (isOld && seen.hosts === 0 && head.host === '') head.host = localAuthority;
  if (seen.hosts > 1 || !isHost(head.host)) refuse(head, 'bad_host', 'host');
  if (request.httpVersionMajor !== 1) refuse(head, 'bad_request', 'version');
  if (raw.length > countMax * 2) refuse(head, 'head_too_large', 'too many fields');
  checkRequest(head);
  checkFraming(head, seen, isOld);
  readConnection(head, seen);
  return head;
}

function takeField(head: ReceivedHead, seen: Seen, name: string, value: string): void {
  checkValue(head, value);
  switch (name) {
    case 'host':
      seen.hosts += 1;
      head.host = value;
      break;
    // Answered by us when somebody wants the body; nobody behind us is asked again.
    case 'expect':
      return;
    case 'upgrade':
      seen.upgrade = seen.upgrade === '' ? value : `${seen.upgrade},${value}`;
      break;
    case 'connection':
      seen.connection = seen.connection === '' ? value : `${seen.connection},${value}`;
      break;
    case 'te':
      if (hasToken(value, 'trailers')) head.takesTrailers = true;
      break;
    case 'content-length':
      seen.lengths += 1;
      takeLength(head, value);
      break;
    case 'transfer-encoding':
      seen.encodings += 1;
      if (value.toLowerCase() !== 'chunked') refuse(head, 'bad_framing', 'transfer-encoding');
      break;
    case 'sec-websocket-key':
      seen.key = value;
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

/** The host in an absolute target takes the place of the Host field (RFC 9112 section 3.2.2). */
function readTarget(head: ReceivedHead, seen: Seen, url: string): void {
  head.target = url;
  if (url.startsWith('/')) return;
  const absolute = ABSOLUTE.exec(url);
  if (absolute === null) return;
  const [, host, rest] = absolute as unknown as [string, string, string];
  if (seen.hosts !== 1) return;
  head.host = host;
  if (rest === '' && head.method === 'OPTIONS') head.target = '*';
  else head.target = rest.startsWith('/') ? rest : `/${rest}`;
}

function checkFraming(head: ReceivedHead, seen: Seen, isOld: boolean): void {
  const { lengths, encodings } = seen;
  if (lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0)) {
    refuse(head, 'bad_framing', 'more than one length');
  }
  // An HTTP/1.0 hop in front does not know what it passed on (RFC 9112 section 6.1).
  if (encodings > 0 && isOld) refuse(head, 'bad_framing', 'chunks in HTTP/1.0');
  head.hasBody = encodings > 0 || head.byteLength > 0;
}

function readConnection(head: ReceivedHead, seen: Seen): void {
  const { connection, upgrade } = seen;
  if (connection === '') return;
  head.wantsClose = hasToken(connection, 'close');
  if (upgrade === '' || head.method !== 'GET') return;
  if (!hasToken(upgrade, 'websocket') || !hasToken(connection, 'upgrade')) return;
  head.webSocket = {
    key: seen.key,
    version: seen.version,
    protocols: protocolsIn(seen.protocols),
  };
  if (seen.version !== '13') refuse(head, 'upgrade_required', seen.version);
  if (!WEB_SOCKET_KEY.test(seen.key)) refuse(head, 'bad_request', 'websocket key');
  if (head.hasBody) refuse(head, 'bad_framing', 'upgrade with a body');
}
