// Regular expressions that nobody can make slow: RE2's syntax and its linear time (re2js), on byte strings.
// No back-references, no look-around. Texts are bounded by who has them (heads, windows of bodies): one that
// is long must not slip past an expression that guards something.

import { RE2JS } from 're2js';
import { messageOf } from '../std/message-of.ts';

/** Longest expression, and most groups in one. */
const PATTERN_CHARS_MAX = 1024;
const GROUPS_MAX = 32;

export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  /** The whole match and its groups; '' where one took no part. */
  readonly groups: readonly string[];
}

export class BoundedRegex {
  readonly #regex: RE2JS;
  /** Names of groups, with their numbers. */
  readonly names: ReadonlyMap<string, number>;

  /** Throws on what is no expression; use `regexProblem` first. */
  constructor(pattern: string) {
    this.#regex = RE2JS.compile(pattern);
    this.names = new Map(Object.entries(this.#regex.namedGroups()));
  }

  get groupCount(): number {
    return this.#regex.groupCount();
  }

  /** Matches somewhere in the text. */
  test(text: string): boolean {
    return this.#regex.test(text);
  }

  /** Returns the whole first match and its groups ('' where one took no part), or null. */
  groups(text: string): readonly string[] | null {
    return this.find(text, 0)?.groups ?? null;
  }

  /** Returns the first match that begins at `from` or behind it, or null. */
  find(text: string, from: number): RegexMatch | null {
    const matcher = this.#regex.matcher(text);
    if (!matcher.find(from)) return null;
    const groups: string[] = [];
    for (let at = 0; at <= matcher.groupCount(); at++) groups.push(matcher.group(at) ?? '');
    return { start: matcher.start(), end: matcher.end(), groups };
  }
}

/** Returns why the text is no usable expression, or null. */
export function regexProblem(pattern: string): string | null {
  if (pattern.length > PATTERN_CHARS_MAX) return `at most ${PATTERN_CHARS_MAX} characters`;
  try {
    const regex = RE2JS.compile(pattern);
    return regex.groupCount() > GROUPS_MAX ? `at most ${GROUPS_MAX} groups` : null;
  } catch (error) {
    return messageOf(error);
  }
}
