// Changes to header fields: remove, set, add, append, in this order. Values may have variables; no value can
// end its field or begin another.

import type { Exchange } from '../../../core/exchange.ts';
import type { ResponseStage } from '../../../core/filter.ts';
import { foldedName, type RawHeaders } from '../../../core/headers.ts';
import type { HeaderEdits } from '../../../core/plan.ts';
import type { Sink } from '../../../core/sink.ts';
import { compileTemplate, fieldValue, type Template } from '../../../routing/template.ts';

/** As the configuration has them; names are lower-case. */
export interface HeaderEditSettings {
  /** Names, or their beginning and `*`. */
  readonly remove: readonly string[];
  /** In place of all others of the name. */
  readonly set: Readonly<Record<string, string>>;
  /** Only where there is none of the name. */
  readonly add: Readonly<Record<string, string>>;
  /** Beside others of the name. */
  readonly append: Readonly<Record<string, string>>;
}

type Field = readonly [name: string, value: Template];

export class CompiledHeaderEdits implements HeaderEdits {
  /** Names that do not stay: removed, or set anew. With dashes: X_User is no way around X-User. */
  readonly #gone: ReadonlySet<string>;
  readonly #gonePrefixes: readonly string[];
  readonly #set: readonly Field[];
  readonly #add: readonly Field[];
  readonly #append: readonly Field[];

  constructor({ remove, set, add, append }: HeaderEditSettings) {
    const isPrefix = (name: string) => name.endsWith('*');
    const gone = [...remove.filter((name) => !isPrefix(name)), ...Object.keys(set)];
    this.#gone = new Set(gone.map(foldedName));
    this.#gonePrefixes = remove.filter(isPrefix).map((name) => foldedName(name.slice(0, -1)));
    this.#set = compile(set);
    this.#add = compile(add);
    this.#append = compile(append);
  }

  apply(headers: RawHeaders, exchange: Exchange): RawHeaders {
    const edited: RawHeaders = [];
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!;
      if (!this.#isGone(name)) edited.push(name, headers[at + 1]!);
    }
    for (const [name, value] of this.#set) push(edited, name, value(exchange));
    for (const [name, value] of this.#add) {
      if (!hasField(edited, name)) push(edited, name, value(exchange));
    }
    for (const [name, value] of this.#append) push(edited, name, value(exchange));
    return edited;
  }

  #isGone(written: string): boolean {
    const name = foldedName(written);
    if (this.#gone.has(name)) return true;
    for (const prefix of this.#gonePrefixes) if (name.startsWith(prefix)) return true;
    return false;
  }
}

/** Returns the edits, or null when there are none. */
export function compileHeaderEdits(settings: HeaderEditSettings): CompiledHeaderEdits | null {
  const { remove, set, add, append } = settings;
  const isEmpty = remove.length === 0 && [set, add, append].every((one) => isEmptyMap(one));
  return isEmpty ? null : new CompiledHeaderEdits(settings);
}

/** The edits of responses; on cached ones as well, since values may depend on the client. */
export class EditResponseHeaders implements ResponseStage {
  readonly name = 'response-headers';
  readonly #edits: HeaderEdits;

  constructor(edits: HeaderEdits) {
    this.#edits = edits;
  }

  attach(exchange: Exchange, next: Sink): Sink {
    exchange.responseHeaders = this.#edits.apply(exchange.responseHeaders, exchange);
    return next;
  }
}

function compile(fields: Readonly<Record<string, string>>): Field[] {
  return Object.entries(fields).map(([name, text]) => [name, compileTemplate(text)]);
}

function push(headers: RawHeaders, name: string, value: string): void {
  headers.push(name, fieldValue(value));
}

function hasField(headers: RawHeaders, name: string): boolean {
  for (let at = 0; at < headers.length; at += 2) if (headers[at] === name) return true;
  return false;
}

function isEmptyMap(map: object): boolean {
  return Object.keys(map).length === 0;
}
