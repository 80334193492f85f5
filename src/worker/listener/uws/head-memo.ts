// The last response heads as bytes: where the next head has the same status and names, and values as long
// as before, what differs is written over in place (whole proxy, 10 fields of which one varies: 0.95 of
// the CPU per request; no gain where lengths vary). Not a cache of responses: every byte that is lent has
// been compared or written for this very head.

import type { RawHeaders } from '../../../core/headers.ts';
import { CORKED_HEAD_BYTES, headBytes } from './response-head.ts';
import { statusLine } from './status-line.ts';

const SLOTS = 32;
/** After so many misses in a row a slot is left alone for a while: to learn costs more than to build. */
const MISSES_MAX = 3;
const REST_HEADS = 64;
/** After so many heads that fitted a slot takes over the strings of the last one. */
const FITS_MAX = 64;

const NO_STATUS = -1;
const NO_BYTES = Buffer.alloc(0);

/** Heads by status and number of fields, so that ordinary answers and errors don't displace each other. */
export class HeadMemo {
  readonly #slots: readonly Slot[];

  /** `restHeads`: how many heads a slot sits out after misses in a row. */
  constructor(restHeads = REST_HEADS) {
    this.#slots = Array.from({ length: SLOTS }, () => new Slot(restHeads));
  }

  /**
   * Returns what `headBytes` does, without extra text, byte for byte. The result is lent: the next call
   * may write over it, so it must be with the engine before anything else happens.
   */
  borrow(status: number, headers: RawHeaders): string | Buffer {
    const slot = this.#slots[(status + (headers.length >> 1)) % SLOTS];
    if (slot === undefined || slot.isResting()) return headBytes(status, headers, '');
    return slot.fits(status, headers) ? slot.bytes : slot.learn(status, headers);
  }
}

/**
 * One head. Between calls, and after every field, `bytes` is exactly what `#headers` makes, unless
 * `#status` is NO_STATUS, which fits nothing.
 */
class Slot {
  bytes: Buffer = NO_BYTES;
  #status = NO_STATUS;
  #headers: string[] = [];
  /** Where the value of each field begins. */
  #starts: number[] = [];
  #misses = 0;
  #restHeads = 0;
  #fits = 0;
  readonly #restHeadsMax: number;

  constructor(restHeadsMax: number) {
    this.#restHeadsMax = restHeadsMax;
  }

  isResting(): boolean {
    if (this.#restHeads === 0) return false;
    this.#restHeads -= 1;
    return true;
  }

  /** Makes `bytes` this head if it is like the one before; what has changed until a miss stays changed. */
  fits(status: number, headers: RawHeaders): boolean {
    const own = this.#headers;
    if (status !== this.#status || headers.length !== own.length) return false;
    for (let at = 0; at < headers.length; at += 2) {
      if (headers[at] !== own[at]) return false;
      const value = headers[at + 1]!;
      const known = own[at + 1]!;
      if (value === known) continue;
      if (value.length !== known.length) return false;
      if (!this.#overwrite(this.#starts[at >> 1]!, value)) {
        this.#status = NO_STATUS;
        return false;
      }
      own[at + 1] = value;
    }
    this.#misses = 0;
    this.#fits += 1;
    if (this.#fits === FITS_MAX) this.#adopt(headers);
    return true;
  }

  /**
   * Strings that come again, as those of a stored answer do, are from now on equal at a glance. Others with
   * the same text, cut out of different heads, are compared outside of compiled code: 100 ns for each.
   */
  #adopt(headers: RawHeaders): void {
    this.#fits = 0;
    this.#headers = headers.slice();
  }

  /** Returns false half-way at what no value may hold, and at what is no byte. */
  #overwrite(start: number, value: string): boolean {
    const { bytes } = this;
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at);
      if ((code < 32 && code !== 9) || code > 255) return false;
      bytes[start + at] = code;
    }
    return true;
  }

  /** Returns the head, built anew; keeps it if it is plain ASCII and of a length that is corked. */
  learn(status: number, headers: RawHeaders): string | Buffer {
    this.#misses += 1;
    if (this.#misses === MISSES_MAX) {
      this.#misses = 0;
      this.#restHeads = this.#restHeadsMax;
    }
    const text = headBytes(status, headers, '');
    if (typeof text !== 'string' || text.length > CORKED_HEAD_BYTES) return text;
    let at = statusLine(status).length;
    this.#starts.length = 0;
    for (let field = 0; field < headers.length; field += 2) {
      at += '\r\n'.length + headers[field]!.length + ': '.length;
      this.#starts.push(at);
      at += headers[field + 1]!.length;
    }
    this.bytes = Buffer.from(text, 'latin1');
    this.#headers = headers.slice();
    this.#status = status;
    return this.bytes;
  }
}
