// Texts with variables: `https://{host}/users/{path.id}`. Compiled once; what comes out is a byte string. Who
// uses it says where it goes (`fieldValue`, `locationValue`, `pathValue`), so that no variable can end a
// field or begin another.
//
//   {host} {scheme} {method} {target} {path} {query} {client} {request_id}   of the request
//   {path.NAME}         what a name in the pattern of the route stood for
//   {header.NAME} {cookie.NAME} {query.NAME}      of the request; '' when it has none
//   {0} {1} …           groups of the expression beside which the text stands
//   {{ }}               braces

import { cookieValue } from '../core/cookies.ts';
import { headerValue } from '../core/headers.ts';
import { type Asked, pathEnd } from './asked.ts';
import { normalHost } from './host.ts';
import { queryValues } from './query.ts';

/** Returns the text for one request. */
export type Template = (asked: Asked, groups?: readonly string[]) => string;

type Part = Template;

const PLAIN: Readonly<Record<string, Part>> = {
  host: ({ host }) => host,
  hostname: ({ host }) => normalHost(host),
  scheme: ({ scheme }) => scheme,
  method: ({ method }) => method,
  target: ({ target }) => target,
  path: ({ target }) => target.slice(0, pathEnd(target)),
  // With its question mark, so that nothing hangs there without one.
  query: ({ target }) => target.slice(pathEnd(target)),
  client: ({ clientAddress }) => clientAddress,
  request_id: ({ requestId }) => requestId,
};

const VARIABLE = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

/** Returns what is wrong with the text, or null. `groups`: how many `{1}` … there are besides `{0}`. */
export function templateProblem(text: string, groups = -1): string | null {
  for (const [brace, name] of text.matchAll(VARIABLE)) {
    if (brace === '{{' || brace === '}}') continue;
    if (name === undefined) return 'a brace alone: write {{ or }}';
    if (/^\d+$/.test(name) ? Number(name) > groups : partFor(name) === null) {
      return `no variable {${name}}`;
    }
  }
  return null;
}

/** Compiles a text that has no problem. */
export function compileTemplate(text: string): Template {
  const parts: Part[] = [];
  let at = 0;
  const literal = (end: number) => {
    if (end <= at) return;
    const octets = Buffer.from(text.slice(at, end), 'utf8').toString('latin1');
    parts.push(() => octets);
  };
  for (const match of text.matchAll(VARIABLE)) {
    literal(match.index);
    const [brace, name] = match;
    at = match.index + brace.length;
    if (name === undefined) parts.push(() => brace[0]!);
    else parts.push(partFor(name) ?? (() => ''));
  }
  literal(text.length);
  if (parts.length === 1) return parts[0]!;
  return (asked, groups) => {
    let value = '';
    for (const part of parts) value += part(asked, groups);
    return value;
  };
}

function partFor(name: string): Part | null {
  if (Object.hasOwn(PLAIN, name)) return PLAIN[name]!;
  if (/^\d{1,2}$/.test(name)) {
    const at = Number(name);
    return (_, groups) => groups?.[at] ?? '';
  }
  const dot = name.indexOf('.');
  const key = name.slice(dot + 1);
  if (dot === -1 || !TOKEN.test(key)) return null;
  switch (name.slice(0, dot)) {
    case 'path':
      return ({ captures }) => captures?.get(key) ?? '';
    case 'header': {
      const field = key.toLowerCase();
      return ({ requestHeaders }) => headerValue(requestHeaders, field) ?? '';
    }
    case 'cookie':
      return ({ requestHeaders }) => cookieValue(requestHeaders, key) ?? '';
    case 'query':
      return ({ target }) => queryValues(target, key)[0] ?? '';
    default:
      return null;
  }
}

/** Makes a byte string fit for a field value: nothing in it can end the field (RFC 9110 section 5.5). */
export function fieldValue(value: string): string {
  return /[^\t -~\x80-\xff]/.test(value) ? value.replaceAll(/[^\t -~\x80-\xff]/g, ' ') : value;
}

/** Makes a byte string fit for Location: all that can't stand in a URL is escaped. */
export function locationValue(value: string): string {
  return value.replaceAll(/[^!#-;=?-[\]_a-z~]/g, escaped);
}

/** Makes a byte string fit for a path: question marks and fragments in it are escaped as well. */
export function pathValue(value: string): string {
  return value.replaceAll(/[^!$-;=@-Z_a-z~]/g, escaped);
}

function escaped(octet: string): string {
  return `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
