// Variants (RFC 9111 section 4.1): by which request fields an answer was chosen, with values in a form in
// which values of the same meaning are the same text.
//
// A normal form may only join values that every origin must be able to treat alike: Accept-Encoding is the
// set of codings that are acceptable, Accept-Language the list in the order of its weights. Others are
// compared as they are, but for blanks.

import type { RawHeaders } from '../../core/headers.ts';
import { TextMemo } from '../../std/text-memo.ts';
import { joinedValue } from './fields.ts';
import { leaseKeyOf } from './lease-key.ts';

/** More fields than this make an answer not worth storing. */
const FIELDS_MAX = 16;
/** Longer values are compared as they are: nobody's patience is tried by sorting them. */
const SORTED_CHARS_MAX = 1024;

const NO_NAMES: readonly string[] = [];

/** What a request says in the fields of a Vary. */
export interface Selection {
  /** Name, normal value, name… */
  readonly fields: readonly string[];
  /** The same as one text that no other list has. */
  readonly key: string;
}

/** What one text of Vary means, and the last that came of it: most answers are like the one before. */
export interface VaryRule {
  /** Lower-case, sorted and each once. */
  readonly names: readonly string[];
  /** The last selection by a rule with one name, and what the request said: null for nothing. */
  value: string | null;
  selection: Selection | null;
}

const NOTHING_SELECTED: Selection = { fields: NO_NAMES, key: '' };
/** Of an answer that is the same for all. */
export const NO_VARY: VaryRule = ruleOf(NO_NAMES);
const rules = new TextMemo(parseRule);

/** Returns what a Vary means (null: there is none); null for `*` and for too many names. */
export function varyRule(value: string | null): VaryRule | null {
  return value === null ? NO_VARY : rules.of(value);
}

function parseRule(value: string): VaryRule | null {
  const names = new Set<string>();
  for (const part of value.split(',')) {
    const name = part.trim().toLowerCase();
    if (name === '*') return null;
    if (name !== '') names.add(name);
  }
  return names.size > FIELDS_MAX ? null : ruleOf([...names].sort());
}

function ruleOf(names: readonly string[]): VaryRule {
  return { names, value: null, selection: null };
}

/** Returns what a request says in these fields. */
export function select(rule: VaryRule, request: RawHeaders): Selection {
  const { names, selection } = rule;
  if (names.length === 0) return NOTHING_SELECTED;
  if (names.length > 1) return selectAll(names, request);
  const value = joinedValue(request, names[0]!);
  if (selection !== null && value === rule.value) return selection;
  const fields = [names[0]!, normalForm(names[0]!, value)];
  const made = { fields, key: varyKeyOf(fields) };
  if (value === null || value.length <= SORTED_CHARS_MAX) {
    rule.value = value;
    rule.selection = made;
  }
  return made;
}

function selectAll(names: readonly string[], request: RawHeaders): Selection {
  const fields: string[] = [];
  for (const name of names) fields.push(name, normalValue(name, request));
  return { fields, key: varyKeyOf(fields) };
}

function varyKeyOf(fields: readonly string[]): string {
  // Field values hold no line feed, names no colon.
  let key = '';
  for (let at = 0; at < fields.length; at += 2) key += `${fields[at]}:${fields[at + 1]}\n`;
  return key;
}

/** Returns under which key requests wait that want the same variant; see `CacheStore.lease`. */
export function variantKey(key: string, vary: readonly string[], request: RawHeaders): string {
  if (vary.length === 0) return key;
  const fields: string[] = [];
  for (let at = 0; at < vary.length; at += 2)
    fields.push(vary[at]!, normalValue(vary[at]!, request));
  return leaseKeyOf(key, varyKeyOf(fields));
}

/** Whether a request would have been answered alike. */
export function matchesVary(selected: readonly string[], request: RawHeaders): boolean {
  for (let at = 0; at < selected.length; at += 2) {
    if (normalValue(selected[at]!, request) !== selected[at + 1]) return false;
  }
  return true;
}

/** Few values make up most requests. */
const codingForms = new TextMemo((value) => `=${codings(value)}`);
const languageForms = new TextMemo((value) => `=${languages(value)}`);

function normalValue(name: string, request: RawHeaders): string {
  return normalForm(name, joinedValue(request, name));
}

function normalForm(name: string, value: string | null): string {
  // A field that is not there is not an empty one: '-' can't come out of a value, which begins with '='.
  if (value === null) return '-';
  if (name !== 'accept-encoding' && name !== 'accept-language') return `=${plain(value)}`;
  if (value.length > SORTED_CHARS_MAX) return `=${value}`;
  return name === 'accept-encoding' ? codingForms.of(value) : languageForms.of(value);
}

function plain(value: string): string {
  return value.trim().replace(/[ \t]*,[ \t]*/g, ',');
}

/** The acceptable codings, sorted; with `identity;q=0` or `*;q=0` where the plain form is refused. */
function codings(value: string): string {
  const accepted = new Set<string>();
  const refused: string[] = [];
  for (const { text, weight } of weighted(value)) {
    const coding = text.startsWith('x-') ? text.slice(2) : text;
    if (weight > 0) accepted.add(coding);
    else refused.push(`${coding};q=0`);
  }
  // Without an asterisk, what is refused is as good as not mentioned.
  for (const refusal of refused) {
    const isPlain = refusal === 'identity;q=0' || refusal === '*;q=0';
    if (isPlain || accepted.has('*')) accepted.add(refusal);
  }
  accepted.delete('identity');
  return [...accepted].sort().join(',');
}

function languages(value: string): string {
  return weighted(value)
    .sort((a, b) => b.weight - a.weight)
    .map(({ text, weight }) => (weight === 1 ? text : `${text};q=${weight}`))
    .join(',');
}

/** Members with their weights (RFC 9110 section 12.4.2), in order; a malformed weight is kept in the text. */
function weighted(value: string): { text: string; weight: number }[] {
  const members: { text: string; weight: number }[] = [];
  for (const part of value.toLowerCase().split(',')) {
    const member = part.trim();
    if (member === '') continue;
    const [, text, digits] = /^([^;\s]+)[ \t]*;[ \t]*q=([01](?:\.\d{0,3})?)$/.exec(member) ?? [];
    if (text === undefined) members.push({ text: member, weight: 1 });
    else members.push({ text, weight: Math.min(1, Number(digits)) });
  }
  return members;
}
