// The operator's conditions: which requests go past the cache, and which never fill it.

import { cookieValue } from '../../core/cookies.ts';
import type { Exchange } from '../../core/exchange.ts';
import { joinedValue } from './fields.ts';

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

function compile(written: string): Condition {
  const colon = written.indexOf(':');
  const kind = written.slice(0, colon);
  const rest = written.slice(colon + 1);
  if (kind === 'path') return (exchange) => matchesPath(exchange.target, rest);
  const equals = rest.indexOf('=');
  const name = equals === -1 ? rest : rest.slice(0, equals);
  const wanted = equals === -1 ? null : rest.slice(equals + 1);
  const read = kind === 'header' ? joinedValue : cookieValue;
  if (kind === 'query') return (exchange) => hasParameter(exchange.target, name, wanted);
  return (exchange) => {
    const value = read(exchange.requestHeaders, name);
    return value !== null && (wanted === null || value === wanted);
  };
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
