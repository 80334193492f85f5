// Replaces the beginning of attributes in HTML, and nothing else: the page is not parsed and written anew,
// all but those values passes byte for byte.

import { Tokenizer, type TokenizerCallbacks } from 'htmlparser2';
import type { Replacer } from './replacer.ts';

/** Longest tag that is looked at; a longer one passes as it is. */
const TAG_CHARS_MAX = 16_384;

export interface AttributeRule {
  /** Lower-case; empty for all tags. */
  readonly tags: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string>;
  /** How the value begins, after blanks. */
  readonly from: string;
  /** As it stands in HTML between double quotes. */
  readonly to: string;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** All positions are counted from the beginning of the page. */
export class HtmlReplacer implements Replacer {
  readonly #rules: readonly AttributeRule[];
  readonly #tokenizer: Tokenizer;
  /** What is not given out yet, and where it begins. */
  #held = '';
  #base = 0;
  #edits: Edit[] = [];
  /** Where what is known to be over ends. */
  #doneEnd = 0;
  #isInTag = false;
  #tag = '';
  #attribute = '';
  #valueStart = -1;
  #valueEnd = -1;

  constructor(rules: readonly AttributeRule[]) {
    this.#rules = rules;
    this.#tokenizer = new Tokenizer({ xmlMode: false, decodeEntities: false }, this.#callbacks());
  }

  push(text: string): string {
    this.#held += text;
    this.#tokenizer.write(text);
    return this.#give(this.#certainEnd());
  }

  finish(): string {
    this.#tokenizer.end();
    return this.#give(this.#base + this.#held.length);
  }

  /** A tag that is not over might still change; so might one whose name is not over. */
  #certainEnd(): number {
    const end = this.#base + this.#held.length;
    const open = this.#held.lastIndexOf('<');
    const start = this.#isInTag ? this.#doneEnd : open === -1 ? end : this.#base + open;
    if (!this.#isInTag && start < this.#doneEnd) return end;
    return end - start > TAG_CHARS_MAX ? end : Math.max(start, this.#base);
  }

  #give(end: number): string {
    let given = '';
    let at = this.#base;
    for (const edit of this.#edits) {
      if (edit.start < at || edit.end > end) continue;
      given += this.#slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    given += this.#slice(at, end);
    this.#edits = this.#edits.filter((edit) => edit.start >= end);
    this.#held = this.#held.slice(end - this.#base);
    this.#base = end;
    return given;
  }

  #slice(start: number, end: number): string {
    return this.#held.slice(Math.max(0, start - this.#base), Math.max(0, end - this.#base));
  }

  #callbacks(): TokenizerCallbacks {
    const over = (end: number) => {
      this.#doneEnd = end + 1;
      this.#isInTag = false;
    };
    const nothing = () => {};
    return {
      onopentagname: (start, end) => {
        this.#isInTag = true;
        this.#doneEnd = start - 1;
        this.#tag = this.#slice(start, end).toLowerCase();
      },
      onattribname: (start, end) => {
        this.#attribute = this.#slice(start, end).toLowerCase();
        this.#valueStart = -1;
      },
      onattribdata: (start, end) => {
        if (this.#valueStart === -1) this.#valueStart = start;
        this.#valueEnd = end;
      },
      onattribend: () => this.#settleValue(),
      onopentagend: over,
      onselfclosingtag: over,
      onclosetag: (_, end) => over(end),
      onattribentity: nothing,
      oncdata: (_, end) => over(end),
      oncomment: (_, end) => over(end),
      ondeclaration: (_, end) => over(end),
      onend: nothing,
      onprocessinginstruction: (_, end) => over(end),
      ontext: nothing,
      ontextentity: nothing,
    };
  }

  #settleValue(): void {
    const start = this.#valueStart;
    this.#valueStart = -1;
    // Given out already: the tag is longer than any that is looked at.
    if (start === -1 || start < this.#base) return;
    const value = this.#slice(start, this.#valueEnd);
    const blanks = value.length - value.trimStart().length;
    for (const { tags, attributes, from, to } of this.#rules) {
      if (!attributes.has(this.#attribute) || (tags.size > 0 && !tags.has(this.#tag))) continue;
      if (!value.startsWith(from, blanks)) continue;
      const at = start + blanks;
      this.#edits.push({ start: at, end: at + from.length, text: to });
      return;
    }
  }
}

/** Makes a byte string fit for an attribute, in whatever quotes, or none. */
export function attributeText(value: string): string {
  return value.replaceAll(/["'<>`\s]/g, (character) => `&#${character.charCodeAt(0)};`);
}
