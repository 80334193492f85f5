// What a response says that matters to the store, found in one pass over its fields.

import type { RawHeaders } from '../../core/headers.ts';

/** Values of fields, null for those that are not there. */
export interface ResponseFacts {
  /** All lines of each, as one list (RFC 9110 section 5.3). */
  cacheControl: string | null;
  targetedControl: string | null;
  pragma: string | null;
  expires: string | null;
  age: string | null;
  vary: string | null;
  surrogateKey: string | null;
  cacheTag: string | null;
  cacheGroups: string | null;
  /** Where the value of the first line stands in the list, -1 for none: each answer has its own. */
  etagAt: number;
  lastModifiedAt: number;
  /** More than one Last-Modified, which is no date. */
  isModifiedTwice: boolean;
  hasSetCookie: boolean;
}

/** The fields whose values are facts, here as below; of the others the names alone count, and their places. */
export const FIELDS_THAT_COUNT: ReadonlySet<string> = new Set([
  ...['cache-control', 'cdn-cache-control', 'pragma', 'expires', 'age', 'vary'],
  ...['surrogate-key', 'cache-tag', 'cache-groups'],
]);

/** Returns what a response says. */
export function readResponseFacts(headers: RawHeaders): ResponseFacts {
  const facts: ResponseFacts = {
    cacheControl: null,
    targetedControl: null,
    pragma: null,
    expires: null,
    age: null,
    vary: null,
    surrogateKey: null,
    cacheTag: null,
    cacheGroups: null,
    etagAt: -1,
    lastModifiedAt: -1,
    isModifiedTwice: false,
    hasSetCookie: false,
  };
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    // By length first, as in request-facts.
    switch (name.length) {
      case 3:
        if (name === 'age') facts.age = joined(facts.age, headers[at + 1]!);
        break;
      case 4:
        if (name === 'vary') facts.vary = joined(facts.vary, headers[at + 1]!);
        else if (name === 'etag' && facts.etagAt === -1) facts.etagAt = at + 1;
        break;
      case 6:
        if (name === 'pragma') facts.pragma = joined(facts.pragma, headers[at + 1]!);
        break;
      case 7:
        if (name === 'expires') facts.expires = joined(facts.expires, headers[at + 1]!);
        break;
      case 9:
        if (name === 'cache-tag') facts.cacheTag = joined(facts.cacheTag, headers[at + 1]!);
        break;
      case 10:
        if (name === 'set-cookie') facts.hasSetCookie = true;
        break;
      case 12:
        if (name === 'cache-groups')
          facts.cacheGroups = joined(facts.cacheGroups, headers[at + 1]!);
        break;
      case 13:
        if (name === 'cache-control') {
          facts.cacheControl = joined(facts.cacheControl, headers[at + 1]!);
        } else if (name === 'last-modified') {
          facts.isModifiedTwice = facts.lastModifiedAt !== -1;
          if (facts.lastModifiedAt === -1) facts.lastModifiedAt = at + 1;
        } else if (name === 'surrogate-key') {
          facts.surrogateKey = joined(facts.surrogateKey, headers[at + 1]!);
        }
        break;
      case 17:
        if (name === 'cdn-cache-control') {
          facts.targetedControl = joined(facts.targetedControl, headers[at + 1]!);
        }
        break;
      default:
    }
  }
  return facts;
}

function joined(before: string | null, value: string): string {
  return before === null ? value : `${before}, ${value}`;
}
