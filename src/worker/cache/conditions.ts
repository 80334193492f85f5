// The operator's conditions: which requests go past the cache, and which never fill it.

import { cookieValue, cookieValues } from '../../core/cookies.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { RawHeaders } from '../../core/headers.ts';
import { hasTwin } from './fields.ts';

/** Whether a request meets a condition. */
export type Condition = (exchange: Exchange) => boolean;

/**
 * Compiles `header:NAME`, `cookie:NAME`, `query:NAME` (each perhaps with `=VALUE`) and `path:/…`, which may
 * end in `*`; null for none. The texts come from a configuration that was validated.
 */
export function compileConditions(written: readonly string[]): Condition | null {
  if (written.length === 0) return null;
  const conditions = written.map(compile);
  return (exchange) => {
    for (const condition of conditions) if (condition(exchange)) return true;
    return false;
  };
}

/**
 * Adds to a condition the requests in which one of these fields or cookies, which are part of the key, may be
 * read in several ways: the key would have one value, and the application go by the other.
 */
export function orUnclear(
  condition: Condition | null,
  {
    headers,
    cookies,
  }: { readonly headers: readonly string[]; readonly cookies: readonly string[] },
): Condition | null {
  if (headers.length + cookies.length === 0) return condition;
  return (exchange) => {
    if (condition?.(exchange) === true) return true;
    const { requestHeaders } = exchange;
    if (headers.length > 0 && hasTwin(requestHeaders, headers)) return true;
    return cookies.some((name) => isUnclear(requestHeaders, name));
  };
}

function isUnclear(headers: RawHeaders, name: string): boolean {
  const values = cookieValues(headers, name);
  return values.length > 1 || (values.length === 1 && values[0] !== cookieValue(headers, name));
}

function compile(written: string): Condition {
  const colon = written.indexOf(':');
  const kind = written.slice(0, colon);
  const rest = written.slice(colon + 1);
  if (kind === 'path') return (exchange) => matchesPath(exchange.target, rest);
  const equals = rest.indexOf('=');
  const name = equals === -1 ? rest : rest.slice(0, equals);
  const wanted = equals === -1 ? null : rest.slice(equals + 1);
  // Which of several an application goes by is not known: any of them meets the condition.
  const read = kind === 'header' ? fieldValues : cookieValues;
  if (kind === 'query') return (exchange) => hasParameter(exchange.target, name, wanted);
  return (exchange) => {
    const values = read(exchange.requestHeaders, name);
    return wanted === null ? values.length > 0 : values.includes(wanted);
  };
}

function fieldValues(headers: RawHeaders, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] === name) values.push(headers[at + 1]!);
  }
  return values;
}

function matchesPath(target: string, pattern: string): boolean {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}

function hasParameter(target: string, name: string, wanted: string | null): boolean {
  const mark = target.indexOf('?');
  if (mark === -1) return false;
  for (const parameter of target.slice(mark + 1).split('&')) {
    const equals = parameter.indexOf('=');
    const found = equals === -1 ? parameter : parameter.slice(0, equals);
    if (found !== name) continue;
    if (wanted === null || (equals !== -1 && parameter.slice(equals + 1) === wanted)) return true;
  }
  return false;
}
