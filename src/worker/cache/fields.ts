// Questions to field lists that matter to caching only.

import type { RawHeaders } from '../../core/headers.ts';

/** Returns all values of `name` joined as one list (RFC 9110 section 5.3), or null when there is none. */
export function joinedValue(headers: RawHeaders, name: string): string | null {
  let joined: string | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== name) continue;
    joined = joined === null ? headers[at + 1]! : `${joined}, ${headers[at + 1]}`;
  }
  return joined;
}
