// The begin of a head whose end has not arrived: rare, most heads come in one piece.

import { LF } from './octets.ts';

/** Long enough to tell whether it is a response at all. */
const STATUS_LINE_BYTES = 13;

export class PartialHead {
  /** The first `length` bytes are what has arrived. */
  bytes: Buffer;
  length = 0;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = Buffer.allocUnsafe(2 * (end - start));
    this.append(bytes, start, end);
  }

  /**
   * Adds `start`–`end` of `bytes`. Returns whether it is worth reading again: only when a line has ended,
   * so that a peer that sends byte by byte costs no more than one pass per field.
   */
  append(bytes: Buffer, start: number, end: number): boolean {
    const needed = this.length + end - start;
    if (needed > this.bytes.length) {
      const grown = Buffer.allocUnsafe(2 * needed);
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    bytes.copy(this.bytes, this.length, start, end);
    this.length = needed;
    return needed <= STATUS_LINE_BYTES || bytes.subarray(start, end).includes(LF);
  }
}
