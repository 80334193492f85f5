// Replaces in a text that comes in pieces. Whatever the pieces, the outcome is the same: what could become
// part of a match with the next piece is held back, and that is bounded.

import type { BoundedRegex } from '../../../routing/bounded-regex.ts';

/** Byte strings in, byte strings out. */
export interface Replacer {
  /** Returns what is certain by now. */
  push(text: string): string;
  /** There is no more: returns the rest. */
  finish(): string;
}

/** One text in place of another, as they are. */
export interface Replacement {
  readonly from: string;
  readonly to: string;
}

/** Replaces literal texts, all of them in one pass; where several fit, the longest. */
export class TextReplacer implements Replacer {
  readonly #regex: RegExp;
  readonly #replacements: ReadonlyMap<string, string>;
  readonly #charsMax: number;
  #held = '';

  constructor(replacements: readonly Replacement[]) {
    const texts = replacements.map(({ from }) => from).sort((a, b) => b.length - a.length);
    this.#replacements = new Map(replacements.map(({ from, to }) => [from, to]));
    this.#charsMax = texts[0]!.length;
    this.#regex = new RegExp(texts.map(quoted).join('|'), 'g');
  }

  push(text: string): string {
    const all = this.#held + text;
    return this.#replace(all, Math.max(0, all.length - this.#charsMax + 1));
  }

  finish(): string {
    return this.#replace(this.#held, this.#held.length);
  }

  /** Replaces all that begins before `limit` and holds the rest. */
  #replace(text: string, limit: number): string {
    let replaced = '';
    let at = 0;
    this.#regex.lastIndex = 0;
    for (let match = this.#regex.exec(text); match !== null; match = this.#regex.exec(text)) {
      if (match.index >= limit) break;
      replaced += text.slice(at, match.index) + this.#replacements.get(match[0])!;
      at = match.index + match[0].length;
    }
    const end = Math.max(at, limit);
    this.#held = text.slice(end);
    return replaced + text.slice(at, end);
  }
}

/** Longest match; texts are looked at in windows of twice that. */
const MATCH_CHARS_MAX = 4095;

/**
 * Replaces matches of one expression. The text is looked at window by window, each of the same size, with
 * the character before it: pieces that arrive don't matter, and `^` holds at the very beginning only.
 */
export class RegexReplacer implements Replacer {
  readonly #regex: BoundedRegex;
  readonly #to: (groups: readonly string[]) => string;
  /** The character before what is held; '' at the very beginning. */
  #before = '';
  #held = '';

  constructor(regex: BoundedRegex, to: (groups: readonly string[]) => string) {
    this.#regex = regex;
    this.#to = to;
  }

  push(text: string): string {
    this.#held += text;
    let replaced = '';
    while (this.#held.length >= 2 * MATCH_CHARS_MAX) {
      replaced += this.#window(this.#held.slice(0, 2 * MATCH_CHARS_MAX), MATCH_CHARS_MAX);
    }
    return replaced;
  }

  finish(): string {
    return this.#held === '' ? '' : this.#window(this.#held, this.#held.length);
  }

  /** Replaces what begins before `limit` in the window that begins with what is held. */
  #window(window: string, limit: number): string {
    const lead = this.#before.length;
    const text = this.#before + window;
    let replaced = '';
    let at = lead;
    let from = lead;
    while (from < lead + limit) {
      const match = this.#regex.find(text, from);
      if (match === null || match.start >= lead + limit) break;
      replaced += text.slice(at, match.start) + this.#to(match.groups);
      at = match.end;
      from = match.end > match.start ? match.end : match.end + 1;
    }
    const end = Math.max(at, lead + limit);
    replaced += text.slice(at, end);
    this.#before = text.slice(end - 1, end);
    this.#held = this.#held.slice(end - lead);
    return replaced;
  }
}

/** Runs several, one after the other. */
export class ReplacerChain implements Replacer {
  readonly #replacers: readonly Replacer[];

  constructor(replacers: readonly Replacer[]) {
    this.#replacers = replacers;
  }

  push(text: string): string {
    let passed = text;
    for (const replacer of this.#replacers) passed = replacer.push(passed);
    return passed;
  }

  finish(): string {
    let rest = '';
    for (const replacer of this.#replacers) rest = replacer.push(rest) + replacer.finish();
    return rest;
  }
}

function quoted(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}/-]/g, '\\$&');
}
