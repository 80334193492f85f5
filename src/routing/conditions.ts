// What a route asks for beyond host, path and method, compiled into one function; null when there is nothing
// to ask. Conditions look, and change nothing.

import { cookieValue } from '../core/cookies.ts';
import { AddressSet } from '../std/address-set.ts';
import { type Asked, type GeoLookup, pathEnd } from './asked.ts';
import { BoundedRegex } from './bounded-regex.ts';
import { normalHost } from './host.ts';
import { compileJsonPointer, scalarText } from './json-value.ts';
import type { MatchTerms, RouteMatch } from './match.ts';
import { pathTest } from './path-pattern.ts';
import { queryValues } from './query.ts';

export type Condition = (asked: Asked) => boolean;

/** What conditions may refer to. */
export interface ConditionParts {
  readonly matchers: Readonly<Record<string, RouteMatch>>;
  readonly geo: GeoLookup;
}

/** Returns what must hold besides host, path and method, and how many conditions that is. */
export function compileConditions(
  match: RouteMatch,
  parts: ConditionParts,
): { condition: Condition | null; conditionCount: number } {
  const conditions = [...termConditions(match, parts), ...groupConditions(match, parts)];
  return {
    condition: conditions.length === 0 ? null : allOf(conditions),
    conditionCount: conditions.length,
  };
}

/** Compiles a match that stands for itself: its host, path and method are conditions as well. */
function compileWhole(match: RouteMatch, parts: ConditionParts): Condition {
  return allOf([
    ...placeConditions(match),
    ...termConditions(match, parts),
    ...groupConditions(match, parts),
  ]);
}

function compileTerms(terms: MatchTerms, parts: ConditionParts): Condition {
  return allOf([...placeConditions(terms), ...termConditions(terms, parts)]);
}

function allOf(conditions: readonly Condition[]): Condition {
  if (conditions.length === 1) return conditions[0]!;
  return (asked) => {
    for (const holds of conditions) if (!holds(asked)) return false;
    return true;
  };
}

function anyOf(conditions: readonly Condition[]): Condition {
  return (asked) => {
    for (const holds of conditions) if (holds(asked)) return true;
    return false;
  };
}

function placeConditions({ host, path, method }: MatchTerms): Condition[] {
  const conditions: Condition[] = [];
  if (method.length > 0) conditions.push((asked) => method.includes(asked.method));
  if (host.length > 0) {
    const exact = new Set(host.filter((one) => !one.startsWith('*.')));
    const suffixes = host.filter((one) => one.startsWith('*.')).map((one) => one.slice(1));
    conditions.push((asked) => {
      const name = normalHost(asked.host);
      return exact.has(name) || suffixes.some((suffix) => name.endsWith(suffix));
    });
  }
  if (path.length > 0) {
    const tests = path.map(pathTest);
    conditions.push(({ target }) => {
      const own = target.slice(0, pathEnd(target));
      return tests.some((test) => test(own));
    });
  }
  return conditions;
}

function termConditions(terms: MatchTerms, { matchers, geo }: ConditionParts): Condition[] {
  const { scheme, client, country, continent, asn } = terms;
  const conditions: Condition[] = [];
  if (scheme !== null) conditions.push((asked) => asked.scheme === scheme);
  for (const [name, values] of Object.entries(terms.header)) {
    conditions.push(headerCondition(name, valueTest(values)));
  }
  for (const [name, values] of Object.entries(terms.cookie)) {
    const test = valueTest(values);
    conditions.push(({ requestHeaders }) => {
      const value = cookieValue(requestHeaders, name);
      return value !== null && test(value);
    });
  }
  for (const [name, values] of Object.entries(terms.query)) {
    const [key, test] = [octets(name), valueTest(values)];
    conditions.push(({ target }) => queryValues(target, key).some(test));
  }
  for (const [pointer, values] of Object.entries(terms.json)) {
    conditions.push(jsonCondition(pointer, values));
  }
  if (client.length > 0) {
    const addresses = new AddressSet(client);
    conditions.push((asked) => addresses.has(asked.clientAddress));
  }
  if (country.length > 0) {
    conditions.push((asked) => country.includes(geo.country(asked.clientAddress)));
  }
  if (continent.length > 0) {
    conditions.push((asked) => continent.includes(geo.continent(asked.clientAddress)));
  }
  if (asn.length > 0) conditions.push((asked) => asn.includes(geo.asn(asked.clientAddress)));
  for (const name of terms.is) {
    const matcher = matchers[name];
    if (matcher === undefined) throw new Error(`no matcher ${name}`);
    conditions.push(compileWhole(matcher, { matchers, geo }));
  }
  return conditions;
}

function groupConditions({ all, any, not }: RouteMatch, parts: ConditionParts): Condition[] {
  const conditions = all.map((terms) => compileTerms(terms, parts));
  if (any.length > 0) conditions.push(anyOf(any.map((terms) => compileTerms(terms, parts))));
  for (const terms of not) {
    const holds = compileTerms(terms, parts);
    conditions.push((asked) => !holds(asked));
  }
  return conditions;
}

/** A field may come several times: one of its lines must pass. */
function headerCondition(name: string, test: (value: string) => boolean): Condition {
  return ({ requestHeaders }) => {
    for (let at = 0; at < requestHeaders.length; at += 2) {
      if (requestHeaders[at] === name && test(requestHeaders[at + 1]!)) return true;
    }
    return false;
  };
}

/** Does not hold before the body has been read; whoever routes sees that it is wanted, and asks again. */
function jsonCondition(pointer: string, values: readonly string[]): Condition {
  const [find, test] = [compileJsonPointer(pointer), valueTest(values)];
  const takesAll = values.includes('*');
  return ({ bodyFacts }) => {
    if (bodyFacts === null) return false;
    if (!bodyFacts.isRead) {
      bodyFacts.isWanted = true;
      return false;
    }
    const value = find(bodyFacts.json);
    if (value === undefined || takesAll) return value !== undefined;
    const text = scalarText(value);
    return text !== null && test(octets(text));
  };
}

function valueTest(values: readonly string[]): (value: string) => boolean {
  const tests = values.map((text) => {
    if (text === '*') return () => true;
    if (text.startsWith('~')) {
      const regex = new BoundedRegex(octets(text.slice(1)));
      return (value: string) => regex.test(value);
    }
    const wanted = octets(text);
    return (value: string) => value === wanted;
  });
  return tests.length === 1 ? tests[0]! : (value) => tests.some((test) => test(value));
}

/** Configurations are Unicode, requests are bytes. */
function octets(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
