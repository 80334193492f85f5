// Parts of log lines that come again and again, as bytes that are made once.

import { LineBuffer } from './line-buffer.ts';

/** More texts than any configuration names at a time; those of earlier ones are forgotten then. */
const TEXTS_MAX = 4096;
/** What JSON makes of one character at most. */
const ESCAPE_BYTES_MAX = 6;

/** Returns ASCII as bytes. */
export function prepared(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** A JSON string with what stands around it, for texts out of the configuration. */
export class KnownTexts {
  readonly #pieces = new Map<string, Uint8Array>();
  readonly #before: string;
  readonly #after: string;

  /** `before` ends with the first quote of the string, `after` begins with the other one. */
  constructor(before: string, after: string) {
    this.#before = before;
    this.#after = after;
  }

  /** Appends it; a text that is too long is cut after `charsMax` characters. */
  append(out: LineBuffer, text: string, charsMax: number): void {
    if (text.length > charsMax) out.bytes(this.#make(text, charsMax));
    else out.bytes(this.#pieces.get(text) ?? this.#learn(text));
  }

  #learn(text: string): Uint8Array {
    const piece = this.#make(text, text.length);
    if (this.#pieces.size >= TEXTS_MAX) this.#pieces.clear();
    this.#pieces.set(text, piece);
    return piece;
  }

  #make(text: string, charsMax: number): Uint8Array {
    const around = this.#before.length + this.#after.length;
    const line = new LineBuffer(around + (text.length + 1) * ESCAPE_BYTES_MAX);
    line.plain(this.#before);
    line.json(text, charsMax);
    line.plain(this.#after);
    return line.take();
  }
}

/** A number of three digits with what stands around it, e.g. a status. */
export class KnownNumbers {
  readonly #pieces: readonly Uint8Array[];
  readonly #before: Uint8Array;
  readonly #after: Uint8Array;

  constructor(before: string, after: string) {
    this.#before = prepared(before);
    this.#after = prepared(after);
    this.#pieces = Array.from({ length: 1000 }, (_, value) => prepared(before + value + after));
  }

  append(out: LineBuffer, value: number): void {
    const piece = this.#pieces[value];
    if (piece !== undefined) {
      out.bytes(piece);
      return;
    }
    out.bytes(this.#before);
    out.integer(value);
    out.bytes(this.#after);
  }
}

/** The second of a moment, formatted once per second. */
export class SecondClock {
  readonly #format: (date: Date) => string;
  #secondMs = Number.NaN;
  #bytes: Uint8Array = prepared('');

  /** `format` returns ASCII. */
  constructor(format: (date: Date) => string) {
    this.#format = format;
  }

  /** Begin of the second that was asked for last, as Unix time. */
  get secondMs(): number {
    return this.#secondMs;
  }

  /** Returns the second that `wallMs` lies in. */
  at(wallMs: number): Uint8Array {
    if (!(wallMs >= this.#secondMs && wallMs < this.#secondMs + 1000)) {
      this.#secondMs = Math.floor(wallMs / 1000) * 1000;
      this.#bytes = prepared(this.#format(new Date(this.#secondMs)));
    }
    return this.#bytes;
  }
}
