// Regular expressions that nobody can make slow: RE2's syntax and its linear time (re2js), on byte strings
// of bounded length. No back-references, no look-around.

import { RE2JS } from 're2js';

/** Longest text that is looked at; a longer one never matches. */
const CHARS_MAX = 8192;

/** Longest expression, and most groups in one. */
const PATTERN_CHARS_MAX = 1024;
const GROUPS_MAX = 32;

export class BoundedRegex {
  readonly #regex: RE2JS;
  /** Names of groups, with their numbers. */
  readonly names: ReadonlyMap<string, number>;

  /** Throws on what is no expression; use `regexProblem` first. */
  constructor(pattern: string) {
    this.#regex = RE2JS.compile(pattern);
    this.names = new Map(Object.entries(this.#regex.namedGroups()));
  }

  /** Matches somewhere in the text. */
  test(text: string): boolean {
    return text.length <= CHARS_MAX && this.#regex.test(text);
  }

  /** Returns the whole first match and its groups ('' where one took no part), or null. */
  groups(text: string): string[] | null {
    if (text.length > CHARS_MAX) return null;
    const matcher = this.#regex.matcher(text);
    if (!matcher.find()) return null;
    const groups: string[] = [];
    for (let at = 0; at <= matcher.groupCount(); at++) groups.push(matcher.group(at) ?? '');
    return groups;
  }

  /** Returns the text with the first match replaced, or null when there is none. */
  replaceFirst(text: string, replacement: (groups: readonly string[]) => string): string | null {
    if (text.length > CHARS_MAX) return null;
    const matcher = this.#regex.matcher(text);
    if (!matcher.find()) return null;
    const groups: string[] = [];
    for (let at = 0; at <= matcher.groupCount(); at++) groups.push(matcher.group(at) ?? '');
    return text.slice(0, matcher.start()) + replacement(groups) + text.slice(matcher.end());
  }
}

/** Returns why the text is no usable expression, or null. */
export function regexProblem(pattern: string): string | null {
  if (pattern.length > PATTERN_CHARS_MAX) return `at most ${PATTERN_CHARS_MAX} characters`;
  try {
    const regex = RE2JS.compile(pattern);
    return regex.groupCount() > GROUPS_MAX ? `at most ${GROUPS_MAX} groups` : null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
