// Cache-Control as RFC 9111 section 5.2 defines it: read once per answer that might be stored, and once per
// request that has the field. In doubt the reading is the one that stores and reuses less.

/** What the directives say; seconds are -1 where a directive is missing. */
export interface Directives {
  noStore: boolean;
  /** Without field names; those with are in `withheld`. */
  noCache: boolean;
  isPrivate: boolean;
  isPublic: boolean;
  mustRevalidate: boolean;
  proxyRevalidate: boolean;
  mustUnderstand: boolean;
  immutable: boolean;
  noTransform: boolean;
  onlyIfCached: boolean;
  maxAge: number;
  sharedMaxAge: number;
  staleWhileRevalidate: number;
  staleIfError: number;
  /** Infinity when any staleness is fine. */
  maxStale: number;
  minFresh: number;
  /** Lower-case fields named by `no-cache="…"` and `private="…"`: not to be stored. */
  withheld: readonly string[];
}

/** Larger values mean the same (RFC 9111 section 1.2.2). */
export const SECONDS_MAX = 2 ** 31;

const DIGITS = /^\d+$/;
const SEPARATORS = /[\s,]/;

/** Returns directives that say nothing. */
export function noDirectives(): Directives {
  return {
    noStore: false,
    noCache: false,
    isPrivate: false,
    isPublic: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    immutable: false,
    noTransform: false,
    onlyIfCached: false,
    maxAge: -1,
    sharedMaxAge: -1,
    staleWhileRevalidate: -1,
    staleIfError: -1,
    maxStale: -1,
    minFresh: -1,
    withheld: [],
  };
}

/**
 * Reads field values, all lines of them joined by commas. Never throws: a malformed number is 0 (invalid
 * freshness is no freshness), of duplicates the first counts, and a string without its end means no-store,
 * because what it swallowed might have.
 */
export function parseCacheControl(text: string): Directives {
  const found = noDirectives();
  const seen = new Set<string>();
  let at = 0;
  while (at < text.length) {
    if (SEPARATORS.test(text[at]!)) {
      at += 1;
      continue;
    }
    let end = at;
    while (end < text.length && text[end] !== '=' && text[end] !== ',') end += 1;
    const name = text.slice(at, end).trimEnd();
    let value: string | null = null;
    let isQuoted = false;
    if (text[end] === '=') {
      isQuoted = text[end + 1] === '"';
      const close = isQuoted ? quotedEnd(text, end + 1) : unquotedEnd(text, end + 1);
      if (close === -1) {
        found.noStore = true;
        return found;
      }
      value = text.slice(end + 1, close).trimEnd();
      end = unquotedEnd(text, close);
      if (isQuoted) value = unquoted(value);
      // Something stands behind the quotes: neither form.
      if (isQuoted && text.slice(close, end).trim() !== '') value = '?';
    }
    take(found, seen, { name: name.toLowerCase(), value, isQuoted });
    at = end + 1;
  }
  return found;
}

interface Directive {
  readonly name: string;
  readonly value: string | null;
  readonly isQuoted: boolean;
}

function take(found: Directives, seen: Set<string>, directive: Directive): void {
  const { name, value } = directive;
  if (name === 'no-cache' || name === 'private') {
    // Each of them may name further fields.
    takeQualified(found, directive);
    return;
  }
  if (seen.has(name)) return;
  seen.add(name);
  if (name === 'no-store') found.noStore = true;
  else if (name === 'public') found.isPublic = true;
  else if (name === 'must-revalidate') found.mustRevalidate = true;
  else if (name === 'proxy-revalidate') found.proxyRevalidate = true;
  else if (name === 'must-understand') found.mustUnderstand = true;
  else if (name === 'immutable') found.immutable = true;
  else if (name === 'no-transform') found.noTransform = true;
  else if (name === 'only-if-cached') found.onlyIfCached = true;
  else if (name === 'max-age') found.maxAge = seconds(value);
  else if (name === 's-maxage') found.sharedMaxAge = seconds(value);
  else if (name === 'stale-while-revalidate') found.staleWhileRevalidate = seconds(value);
  else if (name === 'stale-if-error') found.staleIfError = seconds(value);
  else if (name === 'min-fresh') found.minFresh = seconds(value);
  else if (name === 'max-stale') {
    found.maxStale = value === null ? Number.POSITIVE_INFINITY : seconds(value);
  }
}

/** Field names count in quotes only (section 5.2.2.4); everything else is the unqualified form. */
function takeQualified(found: Directives, { name, value, isQuoted }: Directive): void {
  const fields = isQuoted
    ? value!
        .toLowerCase()
        .split(/[\s,]+/)
        .filter((field) => field !== '')
    : [];
  if (fields.length > 0) found.withheld = [...found.withheld, ...fields];
  else if (name === 'private') found.isPrivate = true;
  else found.noCache = true;
}

function seconds(value: string | null): number {
  return value !== null && DIGITS.test(value) ? Math.min(Number(value), SECONDS_MAX) : 0;
}

/** Returns the offset behind the closing quote of the string that begins at `start`, or -1. */
function quotedEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at + 1;
  }
  return -1;
}

function unquotedEnd(text: string, start: number): number {
  const comma = text.indexOf(',', start);
  return comma === -1 ? text.length : comma;
}

function unquoted(text: string): string {
  return text.slice(1, -1).replace(/\\(.)/g, '$1');
}
