// A configuration in the making: what the file says, with flags and environment laid over it, and for
// every value where it came from. Not yet checked against the schema.

import type { ConfigDocument } from './document.ts';
import { formatPath, type Path, valueAt } from './path.ts';
import type { Place } from './problem.ts';

/** One value from the command line or the environment. */
export interface Assignment {
  readonly path: Path;
  /** Text is read as the field at `path` wants it; anything else is taken as it is. */
  readonly value: unknown;
  /** The flag or variable, as the operator wrote it: '--cores', 'SLUICE_CORES'. */
  readonly name: string;
}

/** Raw data with the places of all that does not come from the file. */
export interface Draft {
  readonly document: ConfigDocument;
  value: unknown;
  /** By path text; a place of a list or map counts for all in it that has none of its own. */
  readonly places: Map<string, Place>;
}

/** Starts a draft from a file: a copy, with short forms written out. */
export function createDraft(document: ConfigDocument): Draft {
  const value = expandShortForms(structuredClone(document.value));
  // Editors find the schema by this key of JSON files; it is no setting.
  delete asMap(value)['$schema'];
  return { document, value, places: new Map() };
}

/** Sets `path` to `value`, making the maps and lists on the way; remembers the place of every leaf. */
export function assign(draft: Draft, path: Path, value: unknown, place: Place): void {
  if (path.length === 0) return;
  draft.value = expandShortForms(setAt(draft.value, path, value));
  rememberPlaces(draft, path, valueAt(draft.value, path), place);
}

/** Returns where the value at `path` came from, or null when nobody set it. */
export function originOf(draft: Draft, path: Path): Place | null {
  const own = draft.places.get(formatPath(path));
  if (own !== undefined) return own;
  if (valueAt(draft.value, path) === undefined) return null;
  return draft.document.place(path, 'value');
}

/** Returns the best place to name in a problem at `path`: its own, or that of what encloses it. */
export function placeOf(draft: Draft, path: Path, at: 'key' | 'value' = 'value'): Place | null {
  for (let length = path.length; length > 0; length--) {
    const place = draft.places.get(formatPath(path.slice(0, length)));
    if (place !== undefined) return place.kind === 'default' ? null : place;
    // A default list that the environment added to has no place in the file.
    if (valueAt(draft.document.value, path.slice(0, length)) !== undefined) break;
  }
  const place = draft.document.place(path, at);
  return place.kind === 'default' ? null : place;
}

function setAt(holder: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (typeof step === 'number') {
    const list = Array.isArray(holder) ? holder : [];
    list[step] = setAt(list[step], rest, value);
    return list;
  }
  const isMap = typeof holder === 'object' && holder !== null && !Array.isArray(holder);
  const map = (isMap ? holder : {}) as Record<string, unknown>;
  const inner = setAt(Object.hasOwn(map, step) ? map[step] : undefined, rest, value);
  // defineProperty: a key such as __proto__ is data like any other.
  Object.defineProperty(map, step, {
    value: inner,
    enumerable: true,
    configurable: true,
    writable: true,
  });
  return map;
}

function rememberPlaces(draft: Draft, path: Path, value: unknown, place: Place): void {
  draft.places.set(formatPath(path), place);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    rememberPlaces(draft, [...path, Array.isArray(value) ? Number(key) : key], inner, place);
  }
}

/** A URL for a peer and one text for a list of matches become the full form, so that paths are uniform. */
function expandShortForms(root: unknown): unknown {
  const { listeners, upstreams, routes, matchers } = asMap(root);
  for (const listener of Array.isArray(listeners) ? listeners : []) {
    const { tls } = asMap(listener);
    if (tls === 'automatic' || tls === 'internal') asMap(listener)['tls'] = { [tls]: {} };
  }
  for (const upstream of Object.values(asMap(upstreams))) {
    const { peers } = asMap(upstream);
    if (!Array.isArray(peers)) continue;
    for (const [index, peer] of peers.entries()) {
      if (typeof peer === 'string') peers[index] = { url: peer };
      else expandBackup(asMap(peer));
    }
  }
  expandNames(asMap(root)['plugins'], 'file');
  for (const route of Array.isArray(routes) ? routes : []) {
    const { to } = asMap(route);
    if (typeof to === 'string') asMap(route)['to'] = [{ upstream: to }];
    expandMatch(asMap(asMap(route)['match']));
    expandNames(asMap(route)['plugins'], 'name');
    const { handler } = asMap(route);
    if (typeof handler === 'string') asMap(route)['handler'] = { name: handler };
  }
  for (const matcher of Object.values(asMap(matchers))) expandMatch(asMap(matcher));
  return root;
}

/** A text in a list stands for a map with that one key. */
function expandNames(list: unknown, key: string): void {
  if (!Array.isArray(list)) return;
  for (const [index, item] of list.entries()) {
    if (typeof item === 'string') list[index] = { [key]: item };
  }
}

const LISTS = ['host', 'path', 'method', 'client', 'country', 'continent', 'asn', 'is'];

function expandMatch(match: Record<string, unknown>): void {
  for (const key of LISTS) {
    if (typeof match[key] === 'string' || typeof match[key] === 'number') match[key] = [match[key]];
  }
  for (const map of [match['header'], match['cookie'], match['query'], match['json']].map(asMap)) {
    for (const [key, value] of Object.entries(map))
      if (typeof value === 'string') map[key] = [value];
  }
  for (const list of [match['all'], match['any'], match['not']]) {
    if (Array.isArray(list)) for (const terms of list) expandMatch(asMap(terms));
  }
}

/** `backup` abbreviates a priority; beside one it stays, for check-references to refuse. */
function expandBackup(peer: Record<string, unknown>): void {
  const { backup } = peer;
  if (typeof backup !== 'boolean' || peer['priority'] !== undefined) return;
  delete peer['backup'];
  if (backup) peer['priority'] = 1;
}

function asMap(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
