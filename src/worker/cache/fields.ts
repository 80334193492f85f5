// Questions to field lists that matter to caching only.

import { foldedName, type RawHeaders } from '../../core/headers.ts';

/** Returns all values of `name` joined as one list (RFC 9110 section 5.3), or null when there is none. */
export function joinedValue(headers: RawHeaders, name: string): string | null {
  let joined: string | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== name) continue;
    joined = joined === null ? headers[at + 1]! : `${joined}, ${headers[at + 1]}`;
  }
  return joined;
}

/** Whether one of these fields is there once more with underscores, which many applications take for dashes. */
export function hasTwin(headers: RawHeaders, names: readonly string[]): boolean {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    if (name.includes('_') && !names.includes(name) && names.includes(foldedName(name)))
      return true;
  }
  return false;
}
