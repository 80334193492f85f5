// The head of a request as the engine parsed it: read in one pass, checked above all for what the engine
// lets through (FACTS: framing, Host, method, target).
//
// The engine hands out strings decoded from UTF-8; inside Sluice strings are byte strings, so what is not
// ASCII is encoded back. Bytes that are not UTF-8 are lost before we see them (U+FFFD stands in their
// place, no call of this engine gives raw bytes): such a request is refused rather than changed. Two
// losses stay unseen: the engine trims bytes above 127 off both ends of a field value (it takes them for
// white space), and hides all fields after one with an empty name, from itself as well as from us.

import type { HttpRequest } from 'uWebSockets.js';
import type { FailureCode } from '../../../core/errors.ts';
import { hasToken, type RawHeaders } from '../../../core/headers.ts';
import { PlainTexts } from '../../../std/plain-texts.ts';
import { isHost } from '../host.ts';
import { commonName, hasRepeatedValue, placeOf } from './request-names.ts';

/** What a request head says. */
export interface ReceivedHead {
  method: string;
  target: string;
  host: string;
  headers: RawHeaders;
  /** Declared length in bytes, -1 when there is none. */
  contentLength: number;
  isChunked: boolean;
  /** Why the request must not be served, or null. */
  failure: FailureCode | null;
  detail: string;
  /** The engine will choke on this framing with an answer of its own: the connection must go at once. */
  mustCut: boolean;
  /** The client wants the connection closed after the answer. */
  wantsClose: boolean;
  /** The engine has decided to close after the answer, without telling the client. */
  engineCloses: boolean;
  /** An attempt to upgrade to WebSocket (RFC 6455 section 4.2.1), valid or not. */
  wantsWebSocket: boolean;
  webSocketKey: string;
  webSocketVersion: string;
  webSocketProtocols: string;
}

/** That of the request which is being read. */
let head = emptyHead();
let hosts = 0;
let lengths = 0;
let encodings = 0;
let connections = 0;
let connection = '';
let upgrade = '';

const UNUSUAL_VALUE = /[^\t -~]/;
/** DEL can't be in a field value; the engine itself stops at all other control bytes. */
const FORBIDDEN = /[\x00-\x08\x0a-\x1f\x7f]/;
const UNUSUAL_TARGET = /[^!"$-~]/;
const plainTargets = new PlainTexts((target) => !UNUSUAL_TARGET.test(target));
const plainValues = new PlainTexts((text) => !UNUSUAL_VALUE.test(text));
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const LENGTH = /^[0-9]+$/;
const WEB_SOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;

/** Above this the engine refuses a length itself, with a page of its own. */
const ENGINE_LENGTH_DIGITS = 18;

/**
 * Reads and checks a request head; never throws on what a client sent. `method`: '' where it is to be
 * asked for.
 */
export function readRequestHead(
  request: HttpRequest,
  method: string,
  headerCountMax: number,
): ReceivedHead {
  head = emptyHead();
  hosts = 0;
  lengths = 0;
  encodings = 0;
  connections = 0;
  connection = '';
  upgrade = '';

  request.forEach(takeField);
  checkFraming();
  if (hosts !== 1 || !isHost(head.host)) refuse('bad_host', 'host');
  if (head.headers.length > headerCountMax * 2) refuse('head_too_large', 'too many fields');
  head.method = method;
  if (method === '') readMethod(request);
  readTarget(request);
  if (connection !== '') readConnection();
  return head;
}

/**
 * A new one each time: to put young strings into an old object costs more than the object, since the
 * collector must be told of each.
 */
function emptyHead(): ReceivedHead {
  return {
    method: '',
    target: '',
    host: '',
    headers: [],
    contentLength: -1,
    isChunked: false,
    failure: null,
    detail: '',
    mustCut: false,
    wantsClose: false,
    engineCloses: false,
    wantsWebSocket: false,
    webSocketKey: '',
    webSocketVersion: '',
    webSocketProtocols: '',
  };
}

// The switch on the length keeps string comparisons away from the fields that nobody looks at.
function takeField(receivedName: string, received: string): void {
  const place = placeOf(receivedName);
  const name = place === -1 ? receivedName : commonName(place);
  const value = fieldValue(place, received);
  switch (name.length) {
    case 4:
      if (name === 'host') {
        hosts += 1;
        head.host = value;
      }
      break;
    case 6:
      // The engine has answered it; nobody behind us is asked again.
      if (name === 'expect') return;
      break;
    case 7:
      if (name === 'upgrade') upgrade = value;
      break;
    case 10:
      if (name === 'connection') {
        // The engine goes by the first one alone, and takes any value of five bytes for `close`.
        if (connections === 0) head.engineCloses = value.length === 5;
        connections += 1;
        connection = connections === 1 ? value : `${connection},${value}`;
      }
      break;
    case 14:
      if (name === 'content-length') takeLength(value);
      break;
    case 17:
      if (name === 'transfer-encoding') takeEncoding(value);
      else if (name === 'sec-websocket-key') head.webSocketKey = value;
      break;
    case 21:
      if (name === 'sec-websocket-version') head.webSocketVersion = value;
      break;
    case 22:
      if (name === 'sec-websocket-protocol') head.webSocketProtocols = value;
      break;
  }
  head.headers.push(name, value);
}

/** What many clients send is remembered, what only one of them may know is not. */
function fieldValue(place: number, received: string): string {
  if (place !== -1 && hasRepeatedValue(place)) {
    return plainValues.find(received) ?? byteString(received);
  }
  return UNUSUAL_VALUE.test(received) ? byteString(received) : received;
}

function takeLength(value: string): void {
  lengths += 1;
  const isNumber = LENGTH.test(value);
  // The engine frames by the first one, after our handler has returned.
  if (lengths === 1 && value !== '' && (!isNumber || value.length > ENGINE_LENGTH_DIGITS)) {
    head.mustCut = true;
  }
  head.contentLength = isNumber ? Number(value) : -1;
  if (!isNumber || !Number.isSafeInteger(head.contentLength)) refuse('bad_framing', 'length');
}

function takeEncoding(value: string): void {
  encodings += 1;
  head.isChunked = true;
  // Names of transfer codings ignore case (RFC 9112 section 7); we frame anew for the peer anyway.
  if (value !== 'chunked' && value.toLowerCase() !== 'chunked') {
    refuse('bad_framing', 'transfer-encoding');
  }
}

function checkFraming(): void {
  if (lengths > 1 || encodings > 1 || (lengths > 0 && encodings > 0)) {
    refuse('bad_framing', 'more than one length');
  }
}

function readMethod(request: HttpRequest): void {
  const method = request.getCaseSensitiveMethod();
  head.method = method;
  if (method === 'GET' || method === 'POST') return;
  if (!METHOD.test(method)) refuse('bad_request', 'method');
}

// The engine has seen to it that the target begins with a slash and holds no byte below 0x21.
function readTarget(request: HttpRequest): void {
  const query = request.getQuery() as string | undefined;
  const path = request.getUrl();
  const target = query === undefined ? path : `${path}?${query}`;
  const plain = plainTargets.find(target);
  if (plain !== null) {
    head.target = plain;
    return;
  }
  head.target = byteString(target);
  if (target.includes('#')) refuse('bad_target', 'fragment');
}

function readConnection(): void {
  if (connection === 'keep-alive' || connection === 'Keep-Alive') return;
  head.wantsClose = hasToken(connection, 'close');
  if (upgrade === '' || head.method !== 'GET') return;
  if (!hasToken(upgrade, 'websocket') || !hasToken(connection, 'upgrade')) return;
  head.wantsWebSocket = true;
  if (head.webSocketVersion !== '13') refuse('upgrade_required', head.webSocketVersion);
  if (!WEB_SOCKET_KEY.test(head.webSocketKey)) refuse('bad_request', 'websocket key');
  if (head.isChunked || head.contentLength > 0) refuse('bad_framing', 'upgrade with a body');
}

/** Encodes back what the engine decoded; refuses what can't be had back or must not be there. */
function byteString(decoded: string): string {
  if (decoded.includes('\ufffd')) refuse('bad_request', 'bytes that are not UTF-8');
  if (FORBIDDEN.test(decoded)) refuse('bad_request', 'control byte');
  return Buffer.from(decoded, 'utf8').toString('latin1');
}

/** The first reason stands. */
function refuse(failure: FailureCode, detail: string): void {
  if (head.failure !== null) return;
  head.failure = failure;
  head.detail = detail;
}
