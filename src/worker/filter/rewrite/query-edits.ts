// Changes to a query: remove, set, add, append, in this order. Parameters that nobody names stay byte for
// byte as they were.

import type { Exchange } from '../../../core/exchange.ts';
import { decodeForm, encodeForm, queryPairs } from '../../../routing/query.ts';
import { compileTemplate, type Template } from '../../../routing/template.ts';

export interface QueryEditSettings {
  /** Names, or their beginning and `*`. */
  readonly remove: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly append: Readonly<Record<string, string>>;
}

interface Parameter {
  readonly name: string;
  readonly encodedName: string;
  readonly value: Template;
}

export class QueryEdits {
  readonly #gone: ReadonlySet<string>;
  readonly #gonePrefixes: readonly string[];
  readonly #set: readonly Parameter[];
  readonly #add: readonly Parameter[];
  readonly #append: readonly Parameter[];

  private constructor({ remove, set, add, append }: QueryEditSettings) {
    const names = remove.map(octets);
    const isPrefix = (name: string) => name.endsWith('*');
    this.#set = compile(set);
    this.#add = compile(add);
    this.#append = compile(append);
    const whole = names.filter((name) => !isPrefix(name));
    this.#gone = new Set([...whole, ...this.#set.map(({ name }) => name)]);
    this.#gonePrefixes = names.filter(isPrefix).map((name) => name.slice(0, -1));
  }

  /** Returns the edits, or null when there are none. */
  static of(settings: QueryEditSettings): QueryEdits | null {
    const { remove, set, add, append } = settings;
    const count = [set, add, append].reduce((sum, map) => sum + Object.keys(map).length, 0);
    return remove.length === 0 && count === 0 ? null : new QueryEdits(settings);
  }

  /** Returns the query of the exchange with its question mark, or '' when nothing is left. */
  apply(exchange: Exchange): string {
    const pairs: string[] = [];
    const names = new Set<string>();
    for (const pair of queryPairs(exchange.target)) {
      const equals = pair.indexOf('=');
      const name = decodeForm(equals === -1 ? pair : pair.slice(0, equals));
      if (this.#isGone(name)) continue;
      names.add(name);
      pairs.push(pair);
    }
    const push = ({ encodedName, value }: Parameter) => {
      pairs.push(`${encodedName}=${encodeForm(value(exchange))}`);
    };
    for (const one of this.#set) push(one);
    for (const one of this.#add) if (!names.has(one.name)) push(one);
    for (const one of this.#append) push(one);
    return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  }

  #isGone(name: string): boolean {
    return this.#gone.has(name) || this.#gonePrefixes.some((prefix) => name.startsWith(prefix));
  }
}

function compile(parameters: Readonly<Record<string, string>>): Parameter[] {
  return Object.entries(parameters).map(([name, text]) => ({
    name: octets(name),
    encodedName: encodeForm(octets(name)),
    value: compileTemplate(text),
  }));
}

function octets(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
