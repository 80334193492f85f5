// The tags of an answer, by which it can be purged: Surrogate-Key (separated by blanks), Cache-Tag (by
// commas), and Cache-Groups (RFC 9875): as any tag for operators, and as one of its origin for those answers
// that make groups invalid.

import type { RawHeaders } from '../../core/headers.ts';
import { joinedValue } from './fields.ts';
import type { ResponseFacts } from './response-facts.ts';
import { parseStrings } from './structured-fields.ts';

const TAGS_MAX = 128;
const TAG_CHARS_MAX = 256;
/** RFC 9875 section 2.1 asks for at least 32 groups of 32 characters. */
const GROUPS_MAX = 64;

const NO_TAGS: readonly string[] = [];

/** Returns the tags, each once; what is too much or too long is left out. */
export function tagsOf(facts: ResponseFacts, origin: string): readonly string[] {
  const { surrogateKey, cacheTag, cacheGroups } = facts;
  if (surrogateKey === null && cacheTag === null && cacheGroups === null) return NO_TAGS;
  const found = new Set<string>();
  for (const tag of surrogateKey?.split(/[\s,]+/) ?? []) add(found, tag);
  for (const tag of cacheTag?.split(',') ?? []) add(found, tag.trim());
  const groups = groupNames(cacheGroups);
  for (const group of groups) add(found, group);
  for (const group of groups) found.add(tagOf(group, origin));
  return [...found];
}

/** Returns the tags of the groups that an answer to an unsafe request makes invalid (section 3). */
export function invalidatedGroups(headers: RawHeaders, origin: string): readonly string[] {
  return groupNames(joinedValue(headers, 'cache-group-invalidation')).map((group) =>
    tagOf(group, origin),
  );
}

function groupNames(field: string | null): string[] {
  return field === null ? [] : (parseStrings(field) ?? []).slice(0, GROUPS_MAX);
}

function tagOf(group: string, origin: string): string {
  return `group ${origin} ${group}`;
}

function add(found: Set<string>, tag: string): void {
  if (tag !== '' && tag.length <= TAG_CHARS_MAX && found.size < TAGS_MAX) found.add(tag);
}
