// Variants (RFC 9111 section 4.1): by which request fields an answer was chosen, with values in a form in
// which values of the same meaning are the same text.
//
// A normal form may only join values that every origin must be able to treat alike: Accept-Encoding is the
// set of codings that are acceptable, Accept-Language the list in the order of its weights. Others are
// compared as they are, but for blanks.

import type { RawHeaders } from '../../core/headers.ts';
import { joinedValue } from './fields.ts';

/** More fields than this make an answer not worth storing. */
const FIELDS_MAX = 16;
/** Longer values are compared as they are: nobody's patience is tried by sorting them. */
const SORTED_CHARS_MAX = 1024;

const NO_NAMES: readonly string[] = [];
/** What the last values said: peers repeat themselves. */
const known = new Map<string, readonly string[] | null>();
const KNOWN_MAX = 256;

/** Returns the names in Vary, lower-case, sorted and each once; null for `*` and for too many. */
export function varyNames(headers: RawHeaders): readonly string[] | null {
  const value = joinedValue(headers, 'vary');
  if (value === null) return NO_NAMES;
  let names = known.get(value);
  if (names !== undefined) return names;
  names = parseNames(value);
  if (known.size >= KNOWN_MAX) known.clear();
  if (value.length <= SORTED_CHARS_MAX) known.set(value, names);
  return names;
}

function parseNames(value: string): readonly string[] | null {
  const names = new Set<string>();
  for (const part of value.split(',')) {
    const name = part.trim().toLowerCase();
    if (name === '*') return null;
    if (name !== '') names.add(name);
  }
  return names.size > FIELDS_MAX ? null : [...names].sort();
}

/** Returns name, normal value, name… of a request for the names of Vary. */
export function selectVary(names: readonly string[], request: RawHeaders): readonly string[] {
  if (names.length === 0) return NO_NAMES;
  if (names.length === 1) return [names[0]!, normalValue(names[0]!, request)];
  const selected: string[] = [];
  for (const name of names) selected.push(name, normalValue(name, request));
  return selected;
}

/** Returns one text for `selectVary`'s list that no other list has. */
export function varyKeyOf(selected: readonly string[]): string {
  // Field values hold no line feed, names no colon.
  let key = '';
  for (let at = 0; at < selected.length; at += 2) key += `${selected[at]}:${selected[at + 1]}\n`;
  return key;
}

/** Returns under which key requests wait that want the same variant; see `CacheStore.lease`. */
export function variantKey(key: string, vary: readonly string[], request: RawHeaders): string {
  if (vary.length === 0) return key;
  const names: string[] = [];
  for (let at = 0; at < vary.length; at += 2) names.push(vary[at]!);
  return `${key}\0${varyKeyOf(selectVary(names, request))}`;
}

/** Whether a request would have been answered alike. */
export function matchesVary(selected: readonly string[], request: RawHeaders): boolean {
  for (let at = 0; at < selected.length; at += 2) {
    if (normalValue(selected[at]!, request) !== selected[at + 1]) return false;
  }
  return true;
}

/** Bounded memory of the last normal forms: few values make up most requests. */
const normalForms = new Map<string, string>();
const NORMAL_FORMS_MAX = 512;

function normalValue(name: string, request: RawHeaders): string {
  const value = joinedValue(request, name);
  // A field that is not there is not an empty one: '-' can't come out of a value, which begins with '='.
  if (value === null) return '-';
  if (name !== 'accept-encoding' && name !== 'accept-language') return `=${plain(value)}`;
  if (value.length > SORTED_CHARS_MAX) return `=${value}`;
  const question = `${name}:${value}`;
  let form = normalForms.get(question);
  if (form !== undefined) return form;
  form = name === 'accept-encoding' ? `=${codings(value)}` : `=${languages(value)}`;
  if (normalForms.size >= NORMAL_FORMS_MAX) normalForms.clear();
  normalForms.set(question, form);
  return form;
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
