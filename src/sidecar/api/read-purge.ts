// The body of POST /api/cache/purge: one of url, prefix, tag and all, and whether it is soft.

import type { PurgeCommand } from '../../core/cache.ts';
import { purgeValueMax } from '../../core/purge-pages.ts';
import type { ProblemDetail } from '../admin-answer.ts';

export type ReadPurge =
  | { readonly command: PurgeCommand }
  | { readonly problems: readonly ProblemDetail[] };

const kinds = ['url', 'prefix', 'tag', 'all'] as const;
const known: ReadonlySet<string> = new Set([...kinds, 'soft']);

/** Reads a body as a purge, or says what is wrong with it. */
export function readPurge(body: unknown): ReadPurge {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return refuse('', 'expected an object such as {"url":"http://example.org/a"}');
  }
  const given = body as Readonly<Record<string, unknown>>;
  const stranger = Object.keys(given).find((name) => !known.has(name));
  if (stranger !== undefined) return refuse(stranger, 'there is no such field');
  const named = kinds.filter((kind) => given[kind] !== undefined);
  const [kind] = named;
  if (kind === undefined || named.length > 1) {
    return refuse('', 'expected exactly one of url, prefix, tag and all');
  }
  const { soft = false } = given;
  if (typeof soft !== 'boolean') return refuse('soft', 'expected true or false');
  const value = kind === 'all' ? (given[kind] === true ? '' : null) : readValue(kind, given[kind]);
  if (value === null) return refuse(kind, expected[kind]);
  return { command: { kind, value, isSoft: soft } };
}

const expected = {
  url: 'expected an absolute URL, http://… or https://…',
  prefix: 'expected the beginning of an absolute URL, with its whole host',
  tag: 'expected a tag',
  all: 'expected true',
} as const;

function readValue(kind: 'url' | 'prefix' | 'tag', value: unknown): string | null {
  if (typeof value !== 'string' || value.length > purgeValueMax) return null;
  if (kind === 'tag') return value === '' ? null : value;
  return normalUrl(value);
}

/** Returns the URL as answers are stored with it: host in lower case, no default port, bytes escaped. */
function normalUrl(text: string): string | null {
  const parts = /^(https?):\/\/([^/?#\s@]+)([/?][^\s#]*)?(?:#.*)?$/i.exec(text);
  if (parts === null) return null;
  const scheme = parts[1]!.toLowerCase();
  const host = parts[2]!.toLowerCase().replace(scheme === 'http' ? /:80$/ : /:443$/, '');
  const { 3: rest = '/' } = parts;
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  // Bytes that cannot be in a target; half of a surrogate pair is none at all.
  const escaped = target.replace(/[^\x21-\x7e]+/g, (text) =>
    encodeURIComponent(Buffer.from(text).toString()),
  );
  return `${scheme}://${host}${escaped}`;
}

function refuse(path: string, message: string): ReadPurge {
  return { problems: [{ path, message }] };
}
