// Reads a response head (RFC 9112) straight from the receive buffer: the status line, and what the fields
// say about the body and the connection. Whatever is malformed is refused, never repaired.

import type { RawHeaders } from '../../../core/headers.ts';
import { isPersistent, keepAliveTimeoutMs, namedFields } from './connection-fields.ts';
import { FieldLines } from './field-lines.ts';
import {
  FIELD_CONNECTION,
  FIELD_CONTENT_LENGTH,
  FIELD_DATE,
  FIELD_DROPPED,
  FIELD_KEEP_ALIVE,
  FIELD_ORDINARY,
  FIELD_TRANSFER_ENCODING,
} from './field-names.ts';
import { CR, FIELD_VALUE, LF, SPACE } from './octets.ts';

/** The whole head was read; `end` is the offset after it. */
export const HEAD_COMPLETE = 0;
/** The bytes end before the head does, and are well-formed so far. */
export const HEAD_PARTIAL = 1;
/** See `problem`. */
export const HEAD_MALFORMED = 2;
export type HeadResult = typeof HEAD_COMPLETE | typeof HEAD_PARTIAL | typeof HEAD_MALFORMED;

const PREFIX = Buffer.from('HTTP/1.', 'latin1');
/** `HTTP/1.1 200` */
const STATUS_LINE_BYTES_MIN = 12;
const ZERO = 48;
const CHUNKED = 'chunked';
/** Nothing longer is an exact integer in JavaScript. */
const CONTENT_LENGTH_DIGITS_MAX = 15;

/** A reader that is used for one head after the other; its fields are the last head read. */
export class ResponseHead {
  status = 0;
  /** End-to-end fields; a new list for each head. */
  headers: RawHeaders = [];
  /** Declared Content-Length in bytes, or -1. */
  byteLength = -1;
  /** Date as received, '' for none. */
  date = '';
  isChunked = false;
  /** The peer lets the connection live on after this response. */
  isPersistent = true;
  /** How long the peer says it keeps an idle connection, in ms; -1 when it does not say. */
  keepAliveMs = -1;
  /** Offset after the head. */
  end = 0;
  /** What is wrong with a malformed head. */
  problem = '';

  #isMinorOne = true;
  readonly #lines = new FieldLines();
  /** All below belongs to the lines of the last head. */
  #isTaken = false;
  readonly #endToEnd: RawHeaders = [];
  /** Where the value of each line stands in `#endToEnd`, or -1. */
  readonly #places: number[] = [];
  #connection = '';
  /** Of several Date lines the last one counts. */
  #dateLine = -1;

  /** Reads the head that begins at `start` of `bytes`. Never throws. */
  read(bytes: Buffer, start: number, end: number): HeadResult {
    let at = this.#readStatusLine(bytes, start, end);
    if (at > 0) {
      at = this.#lines.read(bytes, at, end);
      if (at < 0) this.problem = this.#lines.problem;
    }
    if (at <= 0) return at === 0 ? HEAD_PARTIAL : HEAD_MALFORMED;
    this.end = at;
    return this.#take();
  }

  /** Returns the offset after the line; 0 when the bytes end before, -1 when it is malformed. */
  #readStatusLine(bytes: Buffer, start: number, end: number): number {
    const have = Math.min(PREFIX.length, end - start);
    for (let at = 0; at < have; at++) {
      if (bytes[start + at] !== PREFIX[at]) return this.#refuse('not an HTTP/1 response');
    }
    if (end - start < STATUS_LINE_BYTES_MIN) return 0;
    const minor = bytes[start + 7]!;
    if (minor !== ZERO && minor !== ZERO + 1) return this.#refuse('an unknown HTTP version');
    this.#isMinorOne = minor !== ZERO;
    if (bytes[start + 8] !== SPACE) return this.#refuse('a malformed status line');
    const hundreds = bytes[start + 9]! - ZERO;
    const tens = bytes[start + 10]! - ZERO;
    const ones = bytes[start + 11]! - ZERO;
    if (hundreds < 1 || hundreds > 5 || tens < 0 || tens > 9 || ones < 0 || ones > 9) {
      return this.#refuse('a status that is not 100 to 599');
    }
    this.status = hundreds * 100 + tens * 10 + ones;
    let at = start + STATUS_LINE_BYTES_MIN;
    // The reason may be missing, with the space or, seen often enough, without.
    if (at < end && bytes[at] !== SPACE && bytes[at] !== CR) {
      return this.#refuse('a malformed status line');
    }
    while (at < end && FIELD_VALUE[bytes[at]!] === 1) at++;
    if (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) return at + 2;
    return this.#refuseLineEnd(bytes, at, end);
  }

  /** A line that does not end in CR LF: 0 when the bytes end before that shows. */
  #refuseLineEnd(bytes: Buffer, at: number, end: number): number {
    if (at >= end) return 0;
    if (bytes[at] !== CR) {
      return this.#refuse(bytes[at] === LF ? 'an LF without CR' : 'a control character');
    }
    return at + 1 >= end ? 0 : this.#refuse('a CR without LF');
  }

  /** The head is well-formed: looks at what frames the body and ends the connection. */
  #take(): HeadResult {
    if (!this.#takeFreshLines() && !this.#takeAllLines()) {
      this.#isTaken = false;
      return HEAD_MALFORMED;
    }
    this.#isTaken = true;
    if (this.isChunked && !this.#isMinorOne) {
      this.problem = 'Transfer-Encoding in HTTP/1.0';
      return HEAD_MALFORMED;
    }
    // A list of its own for each exchange, which may change it.
    this.headers = this.#endToEnd.slice();
    this.isPersistent = isPersistent(this.#connection, this.#isMinorOne);
    return HEAD_COMPLETE;
  }

  /** Most heads differ from the one before in a few ordinary values only; false when this one does not. */
  #takeFreshLines(): boolean {
    const { freshLines, freshCount, roles, values, hasSameNames } = this.#lines;
    if (!this.#isTaken || !hasSameNames) return false;
    for (let at = 0; at < freshCount; at++) {
      const line = freshLines[at]!;
      const role = roles[line];
      if (role === FIELD_ORDINARY) {
        const place = this.#places[line]!;
        if (place >= 0) this.#endToEnd[place] = values[line]!;
      } else if (role === FIELD_CONTENT_LENGTH) {
        this.byteLength = -1;
        if (!this.#takeLength(values[line]!)) return false;
      } else if (role === FIELD_DATE) {
        if (line === this.#dateLine) this.date = values[line]!;
      } else if (role !== FIELD_DROPPED) {
        return false;
      }
    }
    return true;
  }

  #takeAllLines(): boolean {
    const { names, values, roles, count } = this.#lines;
    this.byteLength = -1;
    this.isChunked = false;
    this.keepAliveMs = -1;
    this.date = '';
    this.#connection = '';
    for (let line = 0; line < count; line++) {
      const value = values[line]!;
      const role = roles[line];
      if (role === FIELD_CONTENT_LENGTH) {
        if (!this.#takeLength(value)) return false;
      } else if (role === FIELD_TRANSFER_ENCODING) {
        if (!this.#takeEncoding(value)) return false;
      } else if (role === FIELD_CONNECTION) {
        this.#connection += this.#connection === '' ? value : `,${value}`;
      } else if (role === FIELD_KEEP_ALIVE) {
        this.keepAliveMs = keepAliveTimeoutMs(value);
      } else if (role === FIELD_DATE) {
        this.date = value;
        this.#dateLine = line;
      }
    }
    if (this.isChunked && this.byteLength !== -1) {
      return this.#fail('both Content-Length and Transfer-Encoding');
    }
    const named = namedFields(this.#connection);
    this.#endToEnd.length = 0;
    for (let line = 0; line < count; line++) {
      const isKept = roles[line] === FIELD_ORDINARY && (named === null || !named.has(names[line]!));
      this.#places[line] = isKept ? this.#endToEnd.push(names[line]!, values[line]!) - 1 : -1;
    }
    return true;
  }

  #takeLength(value: string): boolean {
    // Two equal ones could be believed (RFC 9110 section 8.6), but who sends them can't be trusted.
    if (this.byteLength !== -1) return this.#fail('more than one Content-Length');
    if (value.length === 0 || value.length > CONTENT_LENGTH_DIGITS_MAX) {
      return this.#fail('a Content-Length that is not a length');
    }
    let length = 0;
    for (let at = 0; at < value.length; at++) {
      const digit = value.charCodeAt(at) - ZERO;
      if (digit < 0 || digit > 9) return this.#fail('a Content-Length that is not digits');
      length = length * 10 + digit;
    }
    this.byteLength = length;
    return true;
  }

  #takeEncoding(value: string): boolean {
    if (this.isChunked) return this.#fail('more than one Transfer-Encoding');
    if (value.length !== CHUNKED.length || value.toLowerCase() !== CHUNKED) {
      return this.#fail('a Transfer-Encoding that is not chunked');
    }
    this.isChunked = true;
    return true;
  }

  #fail(problem: string): false {
    this.problem = problem;
    return false;
  }

  #refuse(problem: string): -1 {
    this.problem = problem;
    return -1;
  }
}
