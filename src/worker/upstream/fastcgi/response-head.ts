// The head of a CGI response (RFC 3875 section 6): fields, among them Status, up to an empty line. Lines
// may end in LF alone. Whatever is malformed is refused, never repaired.

import { HOP_BY_HOP_FIELDS, type RawHeaders } from '../../../core/headers.ts';

export interface CgiHead {
  readonly status: number;
  /** End-to-end fields. */
  readonly headers: RawHeaders;
  /** Date as received, '' for none: the client gets our own. */
  readonly date: string;
  /** Declared length of the body in bytes, or -1. */
  readonly byteLength: number;
}

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Fields that frame the message, that end here, or that tell a web server what to send instead. */
const DROPPED: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP_FIELDS,
  'status',
  'content-length',
  'x-sendfile',
  'x-lighttpd-send-file',
  'x-accel-redirect',
  'x-accel-buffering',
  'x-accel-charset',
  'x-accel-expires',
  'x-accel-limit-rate',
]);

/** Gathers the head from pieces of the output. */
export class CgiHeadReader {
  readonly #bytesMax: number;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes a piece; returns what of it belongs to the body once the head is complete, else null. */
  take(piece: Buffer): Buffer | null | 'too large' {
    const before = this.#bytes.length;
    this.#bytes = Buffer.concat([this.#bytes, piece]);
    const end = endOfHead(this.#bytes);
    if (end > this.#bytesMax || (end < 0 && this.#bytes.length > this.#bytesMax))
      return 'too large';
    if (end < 0) return null;
    this.#bytes = this.#bytes.subarray(0, end);
    return piece.subarray(end - before);
  }

  /** Returns the head, which is complete, or what is wrong with it. */
  parse(): CgiHead | string {
    return parseCgiHead(this.#bytes.toString('latin1'));
  }
}

/** Offset after the empty line, or -1. */
function endOfHead(bytes: Buffer): number {
  // A response may have no field at all.
  if (bytes[0] === 10) return 1;
  if (bytes[0] === 13 && bytes[1] === 10) return 2;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 10) return at + 2;
    if (bytes[at + 1] === 13 && bytes[at + 2] === 10) return at + 3;
  }
  return -1;
}

function parseCgiHead(text: string): CgiHead | string {
  const headers: RawHeaders = [];
  let status = 0;
  let date = '';
  let byteLength = -1;
  let isRedirect = false;
  for (const line of text.split(/\r?\n/)) {
    if (line === '') continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0));
    const value = line.slice(colon + 1).trim();
    if (!NAME.test(name)) return 'a malformed field name';
    if (!VALUE.test(value)) return `a control character in ${name}`;
    const folded = name.toLowerCase();
    if (folded === 'status') {
      const [, digits] = /^([2-5]\d\d)(?: |$)/.exec(value) ?? [];
      if (digits === undefined || status !== 0) return 'a Status that is not 200 to 599';
      status = Number(digits);
    } else if (folded === 'content-length') {
      if (!/^\d{1,15}$/.test(value) || byteLength >= 0) return 'a malformed Content-Length';
      byteLength = Number(value);
    } else if (folded === 'date') {
      date = value;
    } else if (!DROPPED.has(folded)) {
      headers.push(folded, value);
      isRedirect ||= folded === 'location';
    }
  }
  return { status: status || (isRedirect ? 302 : 200), headers, date, byteLength };
}
