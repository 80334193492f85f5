// The parameters of a query string as forms write them (application/x-www-form-urlencoded), in byte strings.

import { pathEnd } from './asked.ts';

/** Returns the decoded values of every parameter `name`, in order; one without `=` has the value ''. */
export function queryValues(target: string, name: string): string[] {
  const values: string[] = [];
  for (const pair of queryPairs(target)) {
    const equals = pair.indexOf('=');
    const key = equals === -1 ? pair : pair.slice(0, equals);
    if (decodeForm(key) === name)
      values.push(equals === -1 ? '' : decodeForm(pair.slice(equals + 1)));
  }
  return values;
}

/** Returns the pairs of a target's query as they stand there. */
export function queryPairs(target: string): string[] {
  const query = target.slice(pathEnd(target) + 1);
  return query === '' ? [] : query.split('&');
}

/** Decodes a name or value; what is no escape stays as it is. */
export function decodeForm(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  return spaced.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Encodes a byte string so that it is one name or value: nothing in it can begin another. */
export function encodeForm(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9._~*-]/g, (octet) => {
    return `%${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}
