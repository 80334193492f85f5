// Cookies inside header lists (RFC 6265): values are byte strings and never decoded.

import type { RawHeaders } from './headers.ts';

/** Returns the value of the first cookie `name` that the client sent, or null. */
export function cookieValue(headers: RawHeaders, name: string): string | null {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'cookie') continue;
    const start = findPair(headers[at + 1]!, name);
    if (start !== -1) return valueAt(headers[at + 1]!, start + name.length + 1);
  }
  return null;
}

/**
 * Returns the values of all cookies that an application may take for `name`: which of several counts, and
 * whether blanks around names do, is different from one to the next.
 */
export function cookieValues(headers: RawHeaders, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'cookie' || !headers[at + 1]!.includes(name)) continue;
    for (const pair of headers[at + 1]!.split(';')) {
      const equals = pair.indexOf('=');
      if (equals === -1 || pair.slice(0, equals).trim() !== name) continue;
      values.push(pair.slice(equals + 1).trim());
    }
  }
  return values;
}

/**
 * Takes every cookie `name` out of the client's header list, in place, and returns their values; null when
 * there was none.
 */
export function takeCookies(headers: RawHeaders, name: string): string[] | null {
  let values: string[] | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'cookie') continue;
    let list = headers[at + 1]!;
    for (let start = findPair(list, name); start !== -1; start = findPair(list, name)) {
      values ??= [];
      values.push(valueAt(list, start + name.length + 1));
      list = without(list, start);
    }
    if (list.length === headers[at + 1]!.length) continue;
    if (list !== '') headers[at + 1] = list;
    else {
      headers.splice(at, 2);
      at -= 2;
    }
  }
  return values;
}

/**
 * Returns the value that a response gives the cookie `name`, or null when it does not set it or removes
 * it. The last one counts. `wallMs` is the time of day.
 */
export function setCookieValue(
  headers: RawHeaders,
  name: string,
  wallMs: () => number,
): string | null {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    if (headers[at] !== 'set-cookie') continue;
    const field = headers[at + 1]!;
    const start = findPair(field, name);
    if (start === -1 || field.lastIndexOf(';', start) !== -1) continue;
    const value = valueAt(field, start + name.length + 1);
    return value === '' || isRemoval(field, wallMs) ? null : value;
  }
  return null;
}

/** Returns where `name=` of a cookie in a list begins, or -1. Names are case-sensitive. */
function findPair(list: string, name: string): number {
  let at = list.indexOf(name);
  while (at !== -1) {
    if (list.charCodeAt(at + name.length) === 0x3d && isStart(list, at)) return at;
    at = list.indexOf(name, at + 1);
  }
  return -1;
}

/** A cookie begins here: nothing but blanks lies between this place and the last semicolon. */
function isStart(list: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && isBlank(list.charCodeAt(before))) before -= 1;
  return before < 0 || list.charCodeAt(before) === 0x3b;
}

/** Returns the value that begins here. */
function valueAt(list: string, start: number): string {
  const end = list.indexOf(';', start);
  return (end === -1 ? list.slice(start) : list.slice(start, end)).trim();
}

/** Returns the list without the cookie that begins here. */
function without(list: string, start: number): string {
  const end = list.indexOf(';', start);
  let before = start;
  while (before > 0 && isSeparator(list.charCodeAt(before - 1))) before -= 1;
  let after = end === -1 ? list.length : end;
  if (before > 0) return list.slice(0, before) + (hasMore(list, after) ? list.slice(after) : '');
  while (after < list.length && isSeparator(list.charCodeAt(after))) after += 1;
  return list.slice(after);
}

function hasMore(list: string, from: number): boolean {
  let at = from;
  while (at < list.length && isSeparator(list.charCodeAt(at))) at += 1;
  return at < list.length;
}

function isSeparator(code: number): boolean {
  return code === 0x3b || isBlank(code);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The attributes say that the cookie is over; Max-Age goes before Expires (section 5.3). */
function isRemoval(field: string, wallMs: () => number): boolean {
  let isExpired = false;
  for (const attribute of field.split(';').slice(1)) {
    const [name = '', value = ''] = attribute.split('=', 2);
    const word = name.trim().toLowerCase();
    if (word === 'max-age' && /^\s*-?\d+\s*$/.test(value)) return Number(value) <= 0;
    if (word === 'expires') isExpired = Date.parse(value) <= wallMs();
  }
  return isExpired;
}
