// Cookies inside header lists (RFC 6265): values are byte strings and never decoded.

import type { RawHeaders } from './headers.ts';

/** Returns the value of the first cookie `name` that the client sent, or null. */
export function cookieValue(headers: RawHeaders, name: string): string | null {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'cookie') continue;
    const value = pairValue(headers[at + 1]!, name);
    if (value !== null) return value;
  }
  return null;
}

/**
 * Takes every cookie `name` out of the client's header list, in place, and returns their values; null when
 * there was none.
 */
export function takeCookies(headers: RawHeaders, name: string): string[] | null {
  let values: string[] | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'cookie' || pairValue(headers[at + 1]!, name) === null) continue;
    values ??= [];
    const kept: string[] = [];
    for (const pair of headers[at + 1]!.split(';')) {
      const value = pairValue(pair, name);
      if (value === null) kept.push(pair.trim());
      else values.push(value);
    }
    const rest = kept.filter((pair) => pair !== '').join('; ');
    if (rest !== '') headers[at + 1] = rest;
    else {
      headers.splice(at, 2);
      at -= 2;
    }
  }
  return values;
}

/**
 * Returns the value that a response gives the cookie `name`, or null when it does not set it or removes
 * it. The last one counts.
 */
export function setCookieValue(headers: RawHeaders, name: string, nowMs: number): string | null {
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    if (headers[at] !== 'set-cookie') continue;
    const field = headers[at + 1]!;
    const end = field.indexOf(';');
    const value = pairValue(end === -1 ? field : field.slice(0, end), name);
    if (value === null) continue;
    return value === '' || isRemoval(field, nowMs) ? null : value;
  }
  return null;
}

/** Finds `name=value` in a list with semicolons without splitting it. Names are case-sensitive. */
function pairValue(list: string, name: string): string | null {
  const { length } = list;
  let start = 0;
  while (start < length) {
    let end = list.indexOf(';', start);
    if (end === -1) end = length;
    while (start < end && isBlank(list.charCodeAt(start))) start += 1;
    const equals = start + name.length;
    if (equals < end && list.startsWith(name, start) && list.charCodeAt(equals) === 0x3d) {
      return list.slice(equals + 1, end).trim();
    }
    start = end + 1;
  }
  return null;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** The attributes say that the cookie is over; Max-Age goes before Expires (section 5.3). */
function isRemoval(field: string, nowMs: number): boolean {
  let isExpired = false;
  for (const attribute of field.split(';').slice(1)) {
    const [name = '', value = ''] = attribute.split('=', 2);
    const word = name.trim().toLowerCase();
    if (word === 'max-age' && /^\s*-?\d+\s*$/.test(value)) return Number(value) <= 0;
    if (word === 'expires') isExpired = Date.parse(value) <= nowMs;
  }
  return isExpired;
}
