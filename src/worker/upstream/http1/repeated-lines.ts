// What the proxy tells peers about a client is the same for each of its requests: some fields that stand in
// a row. The row of a client is kept as one piece of text, and the very same names and values are written
// by that piece. It is not a cache: all of them are compared for each request, whoever sends it.

import type { RawHeaders } from '../../../core/headers.ts';
import { flatText } from '../../../std/flat-text.ts';

/** The field that the row begins with (filter/forwarded). */
export const FIRST_REPEATED = 'x-forwarded-for';
/** The field after it, which is another one for each request. */
const AFTER_ROW = 'x-request-id';

const ROWS = 1024;
/** Of an address, at its end: what tells neighbours apart. */
const MIXED_CHARS = 4;
/** Names and values. */
const STRINGS_MAX = 16;
/** Longer rows are not kept. */
const CHARS_MAX = 2048;
/** To learn a row costs as much as to write two: not before so many others, and more if it was of no use. */
const PATIENCE_MIN = 8;
const PATIENCE_MAX = 1024;

/** Rows of many clients; those whose addresses end alike share a place. */
export class RepeatedLines {
  readonly #rows: readonly Row[] = Array.from({ length: ROWS }, () => new Row());

  /** Returns the row that stands in `headers` at `start`, name by name and value by value, or null. */
  find(headers: RawHeaders, start: number): Row | null {
    const value = headers[start + 1]!;
    let mixed = 0;
    for (let at = Math.max(0, value.length - MIXED_CHARS); at < value.length; at += 1) {
      mixed = 31 * mixed + value.charCodeAt(at);
    }
    const row = this.#rows[mixed & (ROWS - 1)]!;
    return row.isAt(headers, start) ? row : null;
  }
}

class Row {
  /** The lines, each with CRLF before it. */
  text = '';
  readonly #strings: string[] = [];
  #misses = 0;
  #patience = PATIENCE_MIN;

  /** How many names and values these are. */
  get length(): number {
    return this.#strings.length;
  }

  isAt(headers: RawHeaders, start: number): boolean {
    const strings = this.#strings;
    let at = 0;
    while (at < strings.length && strings[at] === headers[start + at]) at += 1;
    if (at < strings.length || at === 0) {
      this.#misses += 1;
      if (this.#misses >= this.#patience) this.#learn(headers, start);
      return false;
    }
    this.#patience = PATIENCE_MIN;
    return true;
  }

  #learn(headers: RawHeaders, start: number): void {
    const strings = this.#strings;
    let text = '';
    strings.length = 0;
    for (let at = start; at < headers.length && headers[at] !== AFTER_ROW; at += 2) {
      const name = headers[at]!;
      const value = headers[at + 1]!;
      strings.push(name, value);
      text += `\r\n${name}: ${value}`;
    }
    if (strings.length > STRINGS_MAX || text.length > CHARS_MAX) strings.length = 0;
    this.text = strings.length > 0 ? flatText(text) : '';
    this.#misses = 0;
    this.#patience = Math.min(this.#patience * 2, PATIENCE_MAX);
  }
}
