// As much of Structured Fields (RFC 9651) as caching uses: CDN-Cache-Control is a dictionary, Cache-Groups a
// list of strings. Strict, as the RFC demands: a field with one mistake in it is ignored as a whole.

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const STRING = /"(?:[ !#-[\]-~]|\\["\\])*"/y;
const TOKEN = /[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*/y;
const NUMBER = /-?(?:\d{1,12}\.\d{1,3}|\d{1,15})/y;
const BOOLEAN = /\?[01]/y;
const BYTES = /:[A-Za-z0-9+/=]*:/y;

/** The value of a member: numbers, `true` and `false`, and strings; tokens are strings, too. */
export type BareItem = number | boolean | string;

/** Returns the members of a dictionary, without parameters; null when it is malformed. */
export function parseDictionary(text: string): Map<string, BareItem> | null {
  const reader = new Reader(text);
  const members = new Map<string, BareItem>();
  reader.skipSpaces();
  while (!reader.isAtEnd) {
    const key = reader.take(KEY);
    if (key === null) return null;
    const value = reader.takeChar('=') ? reader.item() : true;
    if (value === null || !reader.skipParameters()) return null;
    members.set(key, value);
    if (!reader.nextMember()) return null;
  }
  return members;
}

/** Returns the strings of a list, other members left out; null when it is malformed. */
export function parseStrings(text: string): string[] | null {
  const reader = new Reader(text);
  const strings: string[] = [];
  reader.skipSpaces();
  while (!reader.isAtEnd) {
    const isString = reader.isAt('"');
    const value = reader.item();
    if (value === null || !reader.skipParameters()) return null;
    if (isString) strings.push(value as string);
    if (!reader.nextMember()) return null;
  }
  return strings;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text.trimEnd();
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  isAt(char: string): boolean {
    return this.#text[this.#at] === char;
  }

  takeChar(char: string): boolean {
    if (!this.isAt(char)) return false;
    this.#at += 1;
    return true;
  }

  take(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found === undefined) return null;
    this.#at += found.length;
    return found;
  }

  skipSpaces(): void {
    while (this.isAt(' ') || this.isAt('\t')) this.#at += 1;
  }

  item(): BareItem | null {
    const string = this.take(STRING);
    if (string !== null) return string.slice(1, -1).replace(/\\(.)/g, '$1');
    const number = this.take(NUMBER);
    if (number !== null) return Number(number);
    const boolean = this.take(BOOLEAN);
    if (boolean !== null) return boolean === '?1';
    return this.take(TOKEN) ?? this.take(BYTES);
  }

  skipParameters(): boolean {
    while (this.takeChar(';')) {
      this.skipSpaces();
      if (this.take(KEY) === null) return false;
      if (this.takeChar('=') && this.item() === null) return false;
    }
    return true;
  }

  /** Goes to the next member; false when something else stands here, or nothing behind the comma. */
  nextMember(): boolean {
    this.skipSpaces();
    if (this.isAtEnd) return true;
    if (!this.takeChar(',')) return false;
    this.skipSpaces();
    return !this.isAtEnd;
  }
}
