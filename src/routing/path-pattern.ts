// The four ways to write a path in a match, most specific first:
//
//   /exact              this path
//   /users/:id          a name stands for one segment that is not empty
//   ~^/v[0-9]+/         a regular expression, linear in time, found anywhere in the path
//   /prefix/*           this and all below it, not `/prefix` itself; names are allowed here too

import { BoundedRegex } from './bounded-regex.ts';

export interface PathPattern {
  readonly kind: 'exact' | 'prefix' | 'regex';
  /** Segments before the star; a name begins with a colon. Empty for expressions. */
  readonly segments: readonly string[];
  /** The expression, '' for the other kinds. */
  readonly regex: string;
}

/** Reads a pattern that the configuration has accepted. */
export function parsePathPattern(text: string): PathPattern {
  if (text.startsWith('~')) return { kind: 'regex', segments: [], regex: text.slice(1) };
  const isPrefix = text.endsWith('/*');
  const path = isPrefix ? text.slice(0, -2) : text;
  const segments = path === '' ? [] : path.slice(1).split('/');
  return { kind: isPrefix ? 'prefix' : 'exact', segments, regex: '' };
}

/** Tells whether a segment of a pattern stands for any one. */
export function isName(segment: string): boolean {
  return segment.length > 1 && segment.charCodeAt(0) === 0x3a;
}

/** Returns a test for paths without query, for patterns that are not part of a table. */
export function pathTest(text: string): (path: string) => boolean {
  const { kind, segments, regex } = parsePathPattern(text);
  if (kind === 'regex') {
    const compiled = new BoundedRegex(regex);
    return (path) => compiled.test(path);
  }
  if (!segments.some(isName)) {
    if (kind === 'exact') return (path) => path === text;
    const prefix = text.slice(0, -1);
    return (path) => path.startsWith(prefix);
  }
  return (path) => {
    const parts = path.slice(1).split('/');
    const fits =
      kind === 'exact' ? parts.length === segments.length : parts.length > segments.length;
    return (
      fits && segments.every((one, at) => (isName(one) ? parts[at] !== '' : one === parts[at]))
    );
  };
}
