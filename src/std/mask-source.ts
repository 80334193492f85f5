// Blanks out what is not code: the text of strings, templates, comments and regular expressions becomes
// blanks, so that what remains can be searched for words and brackets. TypeScript 7 has no parser to call.

export interface Comment {
  /** Offsets in the file. */
  readonly start: number;
  readonly end: number;
}

export interface MaskedSource {
  /** As long as the source; quotes, line ends and the `${` `}` of templates stay. */
  readonly code: string;
  readonly comments: readonly Comment[];
}

// After these a slash begins a regular expression, not a division.
const BEFORE_REGEX =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield))$/;

export function maskSource(text: string): MaskedSource {
  return new Masker(text).run();
}

class Masker {
  readonly #text: string;
  readonly #out: string[];
  readonly #comments: Comment[] = [];
  // One entry per open template expression: how many braces are open inside it.
  readonly #templates: number[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#out = text.split('');
  }

  run(): MaskedSource {
    while (this.#at < this.#text.length) this.#step();
    return { code: this.#out.join(''), comments: this.#comments };
  }

  #step(): void {
    const char = this.#text[this.#at];
    const two = this.#text.slice(this.#at, this.#at + 2);
    if (two === '//') this.#comment(this.#find('\n', this.#at));
    else if (two === '/*') this.#comment(this.#find('*/', this.#at + 2) + 2);
    else if (char === "'" || char === '"') this.#string(char);
    else if (char === '`') this.#template(this.#at + 1);
    else if (char === '/' && this.#isRegexPlace()) this.#regex();
    else if (char === '{' && this.#templates.length > 0) this.#brace(1);
    else if (char === '}' && this.#templates.length > 0) this.#brace(-1);
    else this.#at += 1;
  }

  #comment(end: number): void {
    const start = this.#at;
    this.#blank(start, end);
    this.#comments.push({ start, end });
    this.#at = end;
  }

  #string(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== '\n') {
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    this.#blank(this.#at + 1, end);
    this.#at = end + 1;
  }

  /** Blanks template text from `start` to its end or its next expression. */
  #template(start: number): void {
    let end = start;
    while (end < this.#text.length && this.#text[end] !== '`') {
      if (this.#text[end] === '$' && this.#text[end + 1] === '{') {
        this.#blank(start, end);
        this.#templates.push(0);
        this.#at = end + 2;
        return;
      }
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    this.#blank(start, end);
    this.#at = end + 1;
  }

  #brace(step: 1 | -1): void {
    const open = this.#templates.at(-1) ?? 0;
    if (step === -1 && open === 0) {
      this.#templates.pop();
      this.#template(this.#at + 1);
      return;
    }
    this.#templates[this.#templates.length - 1] = open + step;
    this.#at += 1;
  }

  #regex(): void {
    let end = this.#at + 1;
    let inClass = false;
    while (end < this.#text.length && this.#text[end] !== '\n') {
      const char = this.#text[end];
      if (char === '\\') end += 1;
      else if (char === '[') inClass = true;
      else if (char === ']') inClass = false;
      else if (char === '/' && !inClass) break;
      end += 1;
    }
    this.#blank(this.#at + 1, end);
    this.#at = end + 1;
  }

  #isRegexPlace(): boolean {
    return BEFORE_REGEX.test(
      this.#out
        .slice(Math.max(0, this.#at - 200), this.#at)
        .join('')
        .trimEnd(),
    );
  }

  #find(what: string, from: number): number {
    const found = this.#text.indexOf(what, from);
    return found < 0 ? this.#text.length : found;
  }

  #blank(start: number, end: number): void {
    for (let at = start; at < end && at < this.#out.length; at += 1) {
      if (this.#out[at] !== '\n') this.#out[at] = ' ';
    }
  }
}
