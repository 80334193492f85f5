// Writes the text of an ES module as the body of a function: imports become constants at its head, exports
// are handed out at its end, and every line stays where it is. Imported values are those at load; what can't
// be read like this is refused rather than guessed at.

import { maskSource } from '../std/mask-source.ts';

export interface FunctionModule {
  /** Body of a function of `$sluice` (ModuleScope) that returns a promise. */
  readonly code: string;
  /** What it imports, in the order of `ModuleScope.imports`. */
  readonly specifiers: readonly string[];
}

/** Where a text could not be read; lines count from 1. */
export class UnreadableModule extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const NAME = '[\\p{ID_Start}$_][\\p{ID_Continue}$\\u200c\\u200d]*';
/** A specifier in quotes, whose text is blank, and attributes; group `text` begins at its first character. */
const FROM = `(?<quote>['"])(?<text> *)\\k<quote>(?:\\s*with\\s*\\{[^}]*\\})?[ \\t]*;?`;
const WORD = new RegExp(NAME, 'uy');
const IMPORT = new RegExp(`import\\b(?:(?<clause>[^'"]*?)\\bfrom\\b)?\\s*${FROM}`, 'uyd');
const CLAUSE = new RegExp(
  `^\\s*(?<def>${NAME})?\\s*,?\\s*(?:\\*\\s*as\\s+(?<all>${NAME})|\\{(?<some>[^}]*)\\})?\\s*$`,
  'u',
);
const ITEM = new RegExp(`^(?<from>${NAME})(?:\\s+as\\s+(?<to>${NAME}))?$`, 'u');
const EXPORT_ALL = new RegExp(
  `export\\s*\\*\\s*(?:as\\s+(?<all>${NAME})\\s*)?from\\s*${FROM}`,
  'uyd',
);
const EXPORT_FROM = new RegExp(`export\\s*\\{(?<some>[^}]*)\\}\\s*from\\s*${FROM}`, 'uyd');
const EXPORT_SOME = /export\s*\{(?<some>[^}]*)\}[ \t]*;?/uy;
const EXPORT_DEFAULT = /export\s+default\b/uy;
const DEFAULT_NAME = new RegExp(
  `\\s*(?:(?:async\\s+)?function\\b\\s*\\*?|class\\b(?!\\s*extends\\b))\\s*(?<name>${NAME})`,
  'uy',
);
const DECLARATION = new RegExp(
  `export(?=\\s+(?:const|let|var|class|(?:async\\s+)?function)\\b(?:\\s*\\*?\\s*(?<name>${NAME}))?)`,
  'uy',
);

/**
 * Returns `text` (JavaScript) as a function; `names` are all that the module exports, as who has loaded it
 * knows, and `namesOf` those of the module behind a specifier. Throws UnreadableModule.
 */
export function functionModule(
  text: string,
  names: readonly string[],
  namesOf: (specifier: string) => readonly string[],
): FunctionModule {
  return new Writer(text).write(names, namesOf);
}

class Writer {
  readonly #text: string;
  /** The same without strings, comments and expressions: every offset is that of the text. */
  readonly #masked: string;
  readonly #out: string[] = [];
  readonly #specifiers: string[] = [];
  readonly #head: string[] = [];
  /** Expressions of exports by name. */
  readonly #exports = new Map<string, string>();
  readonly #declared = new Set<string>();
  readonly #stars: { readonly specifier: string; readonly at: number }[] = [];
  #at = 0;
  #copied = 0;

  constructor(text: string) {
    this.#text = text.replace(/^#!/, '//');
    this.#masked = maskSource(this.#text).code;
  }

  write(
    names: readonly string[],
    namesOf: (specifier: string) => readonly string[],
  ): FunctionModule {
    this.#scan();
    this.#out.push(this.#text.slice(this.#copied));
    for (const name of names) {
      if (this.#exports.has(name)) continue;
      const star = this.#declared.has(name)
        ? undefined
        : this.#stars.find(({ specifier }) => namesOf(specifier).includes(name));
      this.#exports.set(name, star === undefined ? name : member(star.at, name));
    }
    const provided = [...this.#exports].map(
      ([name, value]) => `${JSON.stringify(name)}:()=>${value}`,
    );
    const code = `'use strict';return(async()=>{${this.#head.join('')}${this.#out.join('')}
$sluice.provide({${provided.join(',')}});})()`;
    return { code, specifiers: this.#specifiers };
  }

  #scan(): void {
    let depth = 0;
    while (this.#at < this.#masked.length) {
      const char = this.#masked[this.#at]!;
      const word = matchAt(WORD, this.#masked, this.#at)?.[0];
      if (word !== undefined) {
        const isProperty = this.#masked[this.#at - 1] === '.' && this.#masked[this.#at - 2] !== '.';
        if (!isProperty && word === 'import') this.#import(depth);
        else if (!isProperty && word === 'export' && depth === 0) this.#export();
        else this.#at += word.length;
        continue;
      }
      if (char === '{' || char === '(' || char === '[') depth += 1;
      if (char === '}' || char === ')' || char === ']') depth -= 1;
      this.#at += 1;
    }
  }

  #import(depth: number): void {
    const meta = matchAt(/import\s*\.\s*meta\b/uy, this.#masked, this.#at);
    if (meta !== null) {
      this.#replace(this.#at + meta[0].length, '$sluice.meta');
      return;
    }
    const match = depth > 0 ? null : matchAt(IMPORT, this.#masked, this.#at);
    if (match === null) {
      const isCall = /^import\s*\(/.test(this.#masked.slice(this.#at, this.#at + 100));
      if (depth === 0 && !isCall) throw this.#unreadable('import');
      this.#at += 'import'.length;
      return;
    }
    const from = this.#specifier(match);
    const { clause = '' } = match.groups!;
    const parts = CLAUSE.exec(clause)?.groups;
    if (parts === undefined) throw this.#unreadable('import');
    const { def, all, some } = parts;
    if (def !== undefined) this.#head.push(`const ${def}=${member(from, 'default')};`);
    if (all !== undefined) this.#head.push(`const ${all}=$sluice.imports[${from}];`);
    for (const { name, as } of this.#items(some ?? '', 'import')) {
      this.#head.push(`const ${as}=${member(from, name)};`);
    }
    this.#replace(this.#at + match[0].length, `;${blank(match[0])}`);
  }

  #export(): void {
    const at = this.#at;
    const all = matchAt(EXPORT_ALL, this.#masked, at);
    const from = all ?? matchAt(EXPORT_FROM, this.#masked, at);
    const some = from ?? matchAt(EXPORT_SOME, this.#masked, at);
    if (all !== null) {
      const number = this.#specifier(all);
      const name = all.groups!['all'];
      if (name !== undefined) this.#exports.set(name, `$sluice.imports[${number}]`);
      else this.#stars.push({ specifier: this.#specifiers[number]!, at: number });
    } else if (some !== null) {
      const number = from === null ? null : this.#specifier(from);
      for (const { name, as } of this.#items(some.groups!['some']!, 'export')) {
        this.#exports.set(as, number === null ? name : member(number, name));
      }
    } else {
      this.#exportDeclared();
      return;
    }
    this.#replace(at + some![0].length, `;${blank(some![0])}`);
  }

  #exportDeclared(): void {
    const at = this.#at;
    const isDefault = matchAt(EXPORT_DEFAULT, this.#masked, at);
    if (isDefault !== null) {
      const end = at + isDefault[0].length;
      const name = matchAt(DEFAULT_NAME, this.#masked, end)?.groups?.['name'];
      this.#exports.set('default', name ?? '$sluice.default');
      const stead = name === undefined ? ';$sluice.default=' : ';';
      this.#replace(end, stead + blank(isDefault[0]));
      return;
    }
    const declaration = matchAt(DECLARATION, this.#masked, at);
    if (declaration === null) throw this.#unreadable('export');
    const { name } = declaration.groups!;
    if (name !== undefined) this.#declared.add(name);
    this.#replace(at + 'export'.length, ';     ');
  }

  /** Returns the number of the import. */
  #specifier(match: RegExpExecArray): number {
    const [start, end] = match.indices!.groups!['text']!;
    const written = this.#text.slice(start, end);
    if (written.includes('\\')) throw this.#unreadable('import');
    return this.#specifiers.push(written) - 1;
  }

  #items(list: string, what: string): { readonly name: string; readonly as: string }[] {
    const written = list.split(',').map((item) => item.trim());
    return written
      .filter((item) => item !== '')
      .map((item) => {
        const parts = ITEM.exec(item)?.groups;
        if (parts === undefined) throw this.#unreadable(what);
        return { name: parts['from']!, as: parts['to'] ?? parts['from']! };
      });
  }

  /** Puts `stead` in place of everything from here to `end`. */
  #replace(end: number, stead: string): void {
    this.#out.push(this.#text.slice(this.#copied, this.#at), stead);
    this.#at = end;
    this.#copied = end;
  }

  #unreadable(what: string): UnreadableModule {
    const line = this.#masked.slice(0, this.#at).split('\n').length;
    return new UnreadableModule(line, `expected an ${what} of plain names, one statement a line`);
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function member(at: number, name: string): string {
  return `$sluice.imports[${at}][${JSON.stringify(name)}]`;
}

/** Keeps line ends, so that every line stays where it is. */
function blank(text: string): string {
  return text.replaceAll(/[^\n]+/g, '');
}
