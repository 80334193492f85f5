// A source file as the tidy rules see it: its lines, its imports, its functions.

import { type MaskedSource, maskSource } from '../../../src/std/mask-source.ts';

export interface Token {
  readonly text: string;
  readonly at: number;
}

export interface SourceImport {
  readonly specifier: string;
  readonly line: number;
  /** `import type` and `export type`: nothing of it is left at run time. */
  readonly isTypeOnly: boolean;
}

export interface SourceFunction {
  /** Line of its parameter list. */
  readonly line: number;
  readonly parameterCount: number;
  /** Lines from the parameter list to the closing brace; null without a body in braces. */
  readonly lineCount: number | null;
}

// What stands before a parenthesis that belongs to a statement, not to a function.
const STATEMENTS = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);
// Words that end the search for a return type to the left of a brace.
const NOT_IN_A_TYPE = new Set([
  ...['class', 'interface', 'export', 'import', 'const', 'let', 'type', 'enum', 'implements'],
  ...['return', 'else', 'try', 'finally', 'do', 'case', 'default', 'function', 'static', 'async'],
]);

export class SourceFile {
  /** Relative to the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly masked: MaskedSource;
  readonly tokens: readonly Token[];

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    this.lines = text.split('\n');
    if (this.lines.at(-1) === '') this.lines = this.lines.slice(0, -1);
    this.masked = maskSource(text);
    this.tokens = Array.from(
      this.masked.code.matchAll(/#?[A-Za-z_$][\w$]*|=>|\.\.\.|\d[\w.]*|\S/g),
      (match) => ({ text: match[0], at: match.index }),
    );
  }

  lineOf(offset: number): number {
    let line = 1;
    for (let at = this.text.indexOf('\n'); at >= 0 && at < offset; line += 1) {
      at = this.text.indexOf('\n', at + 1);
    }
    return line;
  }

  /** Lines on which a word stands as code. */
  linesWith(word: string): number[] {
    return this.tokens.filter(({ text }) => text === word).map(({ at }) => this.lineOf(at));
  }

  /** Every `from '…'`, `import '…'` and `import('…')`, type-only ones included. */
  imports(): SourceImport[] {
    const pattern = /(?:(?<![.#])\bfrom\s*|\bimport\s*\(?\s*)(['"])( *)\1/g;
    return Array.from(this.masked.code.matchAll(pattern), (match) => {
      const start = match.index + match[0].indexOf(match[1] ?? '') + 1;
      const specifier = this.text.slice(start, start + (match[2]?.length ?? 0));
      const before = this.masked.code.slice(0, match.index);
      const statement = before.slice(
        Math.max(before.lastIndexOf('import'), before.lastIndexOf('export')),
      );
      const isTypeOnly = /^(?:import|export)\s+type\b/.test(statement);
      return { specifier, line: this.lineOf(match.index), isTypeOnly };
    });
  }

  /** Functions, methods and arrow functions, found by their brackets. */
  functions(): SourceFunction[] {
    const functions: SourceFunction[] = [];
    for (const [index, { text }] of this.tokens.entries()) {
      if (text === '{') {
        const close = this.#parametersBefore(index);
        if (close !== null) functions.push(this.#functionAt(close, index));
      } else if (text === '=>' && this.tokens[index + 1]?.text !== '{') {
        const close = this.#parametersBefore(index + 1);
        if (close !== null) functions.push(this.#functionAt(close, null));
      }
    }
    return functions;
  }

  #functionAt(close: number, body: number | null): SourceFunction {
    const open = this.#matchBack(close);
    const line = this.lineOf(this.tokens[open]?.at ?? 0);
    const end = body === null ? null : this.tokens[this.#matchForward(body)];
    return {
      line,
      parameterCount: this.#countParameters(open, close),
      lineCount: end === null ? null : this.lineOf(end?.at ?? this.text.length) - line + 1,
    };
  }

  /** Index of the `)` of the parameters when a function body begins at `body`, else null. */
  #parametersBefore(body: number): number | null {
    let at = body - 1;
    if (this.tokens[at]?.text === '=>') at -= 1;
    if (this.tokens[at]?.text !== ')' || this.tokens[at + 1]?.text === ':') {
      at = this.#skipReturnType(at);
    }
    if (this.tokens[at]?.text !== ')') return null;
    const before = this.tokens[this.#matchBack(at) - 1]?.text ?? '';
    return STATEMENTS.has(before) ? null : at;
  }

  /** Walks back over `: Type` to the `)` before it; anything that is no type ends the walk. */
  #skipReturnType(from: number): number {
    for (let at = from; at > 0; at -= 1) {
      const text = this.tokens[at]?.text ?? '';
      if (text === ':' && this.tokens[at - 1]?.text === ')') return at - 1;
      if (text === '}' || text === ']' || text === ')') at = this.#matchBack(at);
      else if (NOT_IN_A_TYPE.has(text)) return -1;
      else if (!/^(?:[\w$#]+|[<>|&.,'"?]|=>)$/.test(text)) return -1;
    }
    return -1;
  }

  #matchBack(close: number): number {
    let depth = 0;
    for (let at = close; at >= 0; at -= 1) {
      const text = this.tokens[at]?.text ?? '';
      if (text === ')' || text === ']' || text === '}') depth += 1;
      else if (text === '(' || text === '[' || text === '{') depth -= 1;
      if (depth === 0) return at;
    }
    return 0;
  }

  #matchForward(open: number): number {
    let depth = 0;
    for (let at = open; at < this.tokens.length; at += 1) {
      const text = this.tokens[at]?.text ?? '';
      if (text === '(' || text === '[' || text === '{') depth += 1;
      else if (text === ')' || text === ']' || text === '}') depth -= 1;
      if (depth === 0) return at;
    }
    return this.tokens.length - 1;
  }

  #countParameters(open: number, close: number): number {
    let depth = 0;
    let count = 0;
    let isEmpty = true;
    for (let at = open + 1; at < close; at += 1) {
      const text = this.tokens[at]?.text ?? '';
      if ('([{<'.includes(text)) depth += 1;
      else if (')]}>'.includes(text)) depth -= 1;
      if (text === ',' && depth === 0) {
        count += 1;
        isEmpty = true;
      } else {
        isEmpty = false;
      }
    }
    return count + (isEmpty ? 0 : 1);
  }
}
