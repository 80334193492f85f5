// Decodes a chunked body (RFC 9112 section 7.1) in place: the data of all chunks in one receive buffer is
// moved together, so that it leaves in one write. Extensions are ignored, trailers kept, both bounded.
//
//   SIZE ─;─► EXTENSION ─CR─► SIZE_LF ──► DATA ──► DATA_CR ──► DATA_LF ──► SIZE
//     └──────────CR──────────────┘ └ 0 ─► TRAILER ◄─LF─ TRAILER_LF ◄─CR─ TRAILER_VALUE ◄─:─ TRAILER_NAME
//                                            └─CR─► LAST_LF ──► done

import type { RawHeaders } from '../../../core/headers.ts';
import { limits } from '../../../core/limits.ts';
import { isTrailerField } from '../../../core/trailers.ts';
import { COLON, CR, FIELD_VALUE, HEX_VALUE, LF, SEMICOLON, TOKEN_LOWER } from './octets.ts';

/** All bytes are used up and the body goes on. */
export const CHUNKED_MORE = 0;
/** The body is complete; `end` is the offset after it. */
export const CHUNKED_DONE = 1;
/** See `problem`. */
export const CHUNKED_MALFORMED = 2;
export type ChunkedResult = typeof CHUNKED_MORE | typeof CHUNKED_DONE | typeof CHUNKED_MALFORMED;

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER = 6;
const TRAILER_NAME = 7;
const TRAILER_VALUE = 8;
const TRAILER_LF = 9;
const LAST_LF = 10;

/** 2^48 bytes: more hexadecimal digits are no honest size, and might not be an exact integer. */
const SIZE_DIGITS_MAX = 12;

/** Decoder of one body after the other; `reset` in between. */
export class ChunkedBody {
  /** Where the data decoded by the last call stands in the buffer. */
  dataStart = 0;
  dataEnd = 0;
  /** Offset after the last octet used. */
  end = 0;
  problem = '';

  /** The trailer section as it came. */
  #trailerText = '';
  #state = SIZE;
  #remainingBytes = 0;
  #digits = 0;
  /** Of this line of extensions. */
  #lineBytes = 0;
  /** Of extensions and trailers in the whole body, less its data. */
  #overheadBytes = 0;

  reset(): void {
    this.#state = SIZE;
    this.#remainingBytes = 0;
    this.#digits = 0;
    this.#lineBytes = 0;
    this.#overheadBytes = 0;
    this.problem = '';
    this.#trailerText = '';
  }

  /** Returns the fields after the body that may be passed on; null when there are none. */
  trailers(): RawHeaders | null {
    if (this.#trailerText === '') return null;
    const kept: RawHeaders = [];
    for (const line of this.#trailerText.split('\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      if (colon > 0 && isTrailerField(name)) kept.push(name, line.slice(colon + 1).trim());
    }
    return kept.length === 0 ? null : kept;
  }

  /** Decodes `start`–`end` of `bytes`, which is changed. Never throws. */
  decode(bytes: Uint8Array, start: number, end: number): ChunkedResult {
    this.dataStart = start;
    this.dataEnd = start;
    let at = start;
    while (at < end) {
      if (this.#state === DATA) {
        const take = Math.min(this.#remainingBytes, end - at);
        this.#gather(bytes, at, take);
        this.#remainingBytes -= take;
        if (this.#remainingBytes === 0) this.#state = DATA_CR;
        at += take;
        continue;
      }
      if (!this.#step(bytes[at]!)) {
        this.end = at;
        return CHUNKED_MALFORMED;
      }
      at++;
      if (this.#state === SIZE && this.#digits === -1) {
        this.end = at;
        return CHUNKED_DONE;
      }
    }
    this.end = end;
    return CHUNKED_MORE;
  }

  #gather(bytes: Uint8Array, at: number, length: number): void {
    if (this.dataStart === this.dataEnd) {
      this.dataStart = at;
      this.dataEnd = at;
    } else {
      bytes.copyWithin(this.dataEnd, at, at + length);
    }
    this.dataEnd += length;
    // Honest data pays for extensions, so that an endless stream may have them.
    this.#overheadBytes = Math.max(0, this.#overheadBytes - length);
  }

  /** Takes one octet that is not data; false when it is malformed. */
  #step(octet: number): boolean {
    switch (this.#state) {
      case SIZE:
        return this.#stepSize(octet);
      case EXTENSION:
        if (octet === CR) this.#state = SIZE_LF;
        else if (FIELD_VALUE[octet] !== 1) return this.#refuse('a malformed chunk extension');
        return this.#count(limits.chunkLineBytes);
      case SIZE_LF:
        if (octet !== LF) return this.#refuse('a chunk size without LF');
        this.#state = this.#remainingBytes === 0 ? TRAILER : DATA;
        this.#digits = 0;
        this.#lineBytes = 0;
        return true;
      case DATA_CR:
        this.#state = DATA_LF;
        return octet === CR || this.#refuse('chunk data longer than its size');
      case DATA_LF:
        this.#state = SIZE;
        return octet === LF || this.#refuse('chunk data without LF');
      default:
        return this.#stepTrailer(octet);
    }
  }

  #stepSize(octet: number): boolean {
    const digit = HEX_VALUE[octet]!;
    if (digit !== 255) {
      this.#remainingBytes = this.#remainingBytes * 16 + digit;
      this.#digits += 1;
      return this.#digits <= SIZE_DIGITS_MAX || this.#refuse('an oversized chunk size');
    }
    if (this.#digits === 0) return this.#refuse('a chunk without size');
    if (octet === CR) this.#state = SIZE_LF;
    else if (octet === SEMICOLON) this.#state = EXTENSION;
    else return this.#refuse('a malformed chunk size');
    return true;
  }

  #stepTrailer(octet: number): boolean {
    if (octet !== CR && this.#state !== LAST_LF) this.#trailerText += String.fromCharCode(octet);
    switch (this.#state) {
      case TRAILER:
        if (octet === CR) {
          this.#state = LAST_LF;
          return true;
        }
        this.#state = TRAILER_NAME;
        if (TOKEN_LOWER[octet] === 0) return this.#refuse('a malformed trailer');
        break;
      case TRAILER_NAME:
        if (octet === COLON) this.#state = TRAILER_VALUE;
        else if (TOKEN_LOWER[octet] === 0) return this.#refuse('a malformed trailer');
        break;
      case TRAILER_VALUE:
        if (octet === CR) this.#state = TRAILER_LF;
        else if (FIELD_VALUE[octet] !== 1) return this.#refuse('a malformed trailer');
        break;
      case TRAILER_LF:
        if (octet !== LF) return this.#refuse('a trailer without LF');
        this.#state = TRAILER;
        this.#lineBytes = 0;
        break;
      case LAST_LF:
        this.#state = SIZE;
        this.#digits = -1;
        return octet === LF || this.#refuse('a last chunk without LF');
    }
    return this.#count(limits.trailerBytes);
  }

  #count(lineBytesMax: number): boolean {
    this.#lineBytes += 1;
    this.#overheadBytes += 1;
    if (this.#lineBytes <= lineBytesMax && this.#overheadBytes <= limits.trailerBytes) return true;
    return this.#refuse('too many chunk extensions or trailers');
  }

  #refuse(problem: string): false {
    this.problem = problem;
    return false;
  }
}
