// What a request head says, of either protocol, and the checks that both have in common. Strings are byte
// strings as Node gives them: one character is one octet.

import type { FailureCode } from '../../../core/errors.ts';
import type { RawHeaders } from '../../../core/headers.ts';

export interface ReceivedHead {
  method: string;
  /** Origin form, or `*`. */
  target: string;
  host: string;
  headers: RawHeaders;
  hasBody: boolean;
  /** Declared length in bytes, -1 when there is none. */
  byteLength: number;
  /** Why the request must not be served, or null; the first reason stands. */
  failure: FailureCode | null;
  detail: string;
  /** The client wants the connection closed after the answer. */
  wantsClose: boolean;
  takesTrailers: boolean;
  webSocket: WebSocketWish | null;
}

/** An attempt to open a WebSocket. */
export interface WebSocketWish {
  /** Of HTTP/1.1 (RFC 6455 section 4.1); '' in HTTP/2. */
  readonly key: string;
  readonly version: string;
  readonly protocols: readonly string[];
}

/** Returns a head that says nothing yet. */
export function emptyHead(): ReceivedHead {
  return {
    method: '',
    target: '',
    host: '',
    headers: [],
    hasBody: false,
    byteLength: -1,
    failure: null,
    detail: '',
    wantsClose: false,
    takesTrailers: false,
    webSocket: null,
  };
}

/** Notes why a request must not be served. */
export function refuse(head: ReceivedHead, failure: FailureCode, detail: string): void {
  if (head.failure !== null) return;
  head.failure = failure;
  head.detail = detail;
}

/** What can't be in a field value; the parsers themselves stop at most of them. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;
const LENGTH = /^[0-9]{1,16}$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const TARGET = /^(?:\/[\x21\x22\x24-\x7e\x80-\xff]*|\*)$/;

/** Checks a field value. */
export function checkValue(head: ReceivedHead, value: string): void {
  if (FORBIDDEN.test(value)) refuse(head, 'bad_request', 'control byte');
}

/** Takes a Content-Length. */
export function takeLength(head: ReceivedHead, value: string): void {
  const length = LENGTH.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(length)) head.byteLength = length;
  else refuse(head, 'bad_framing', 'length');
}

/** Checks method and target when both are known. */
export function checkRequest(head: ReceivedHead): void {
  if (!TOKEN.test(head.method)) refuse(head, 'bad_request', 'method');
  if (!TARGET.test(head.target)) refuse(head, 'bad_target', 'target');
  if (head.target === '*' && head.method !== 'OPTIONS') refuse(head, 'bad_target', 'asterisk');
}

/** Returns the subprotocols that a client offers, without what is none. */
export function protocolsIn(value: string): string[] {
  return value
    .split(',')
    .map((protocol) => protocol.trim())
    .filter((protocol) => TOKEN.test(protocol));
}
