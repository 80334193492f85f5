// What the schema cannot say about routes: that each does one thing, that matchers have the names they are
// called by, and that places can be looked up. Works on raw data, like check-references.

import { nearest } from '../std/nearest.ts';
import type { Finding } from './finding.ts';
import type { Path } from './path.ts';
import { quote } from './problem.ts';

type Fields = Record<string, unknown>;

const ACTIONS = ['to', 'redirect', 'respond', 'close', 'handler'];
const PLACES = ['country', 'continent', 'asn'];

/** Finds what is wrong with actions and matches. Never throws. */
export function checkRouting(root: Fields): Finding[] {
  const routes = [...asList(root['routes']).entries()];
  return [
    ...routes.flatMap(([index, route]) => checkAction(index, route)),
    ...checkMatchers(asMap(root['matchers']), routes),
    ...checkPlaces(root, routes),
  ];
}

/** A route does one thing: it sends to upstreams, or it answers. */
function checkAction(index: number, route: unknown): Finding[] {
  const written = asMap(route);
  if (written !== route) return [];
  const actions = ACTIONS.filter((name) => {
    return written[name] !== undefined && written[name] !== null && written[name] !== false;
  });
  const path: Path = ['routes', index];
  if (actions.length === 0) {
    const expected = 'the name of an upstream, or redirect, respond, close or handler in its place';
    return [{ path: [...path, 'to'], message: `is missing: expected ${expected}` }];
  }
  if (actions.length === 1) return [];
  const message = `expected one of ${ACTIONS.join(', ')}, got ${actions.join(' and ')}`;
  return [{ path: [...path, actions[1]!], message }];
}

/** Every name must be there, and no matcher may need itself. */
function checkMatchers(matchers: Fields, routes: [number, unknown][]): Finding[] {
  const names = Object.keys(matchers);
  const findings: Finding[] = [];
  const checkNames = (match: unknown, path: Path) => {
    for (const { name, at } of namesIn(match, path)) {
      if (names.includes(name)) continue;
      const suggestion = nearest(name, names);
      const message = `expected the name of a matcher, got ${quote(name)}`;
      findings.push({ path: at, message, suggestion });
    }
  };
  for (const [name, matcher] of Object.entries(matchers)) {
    checkNames(matcher, ['matchers', name]);
    if (reaches(name, name, matchers, new Set())) {
      findings.push({ path: ['matchers', name], message: 'needs itself to be decided' });
    }
  }
  for (const [index, route] of routes)
    checkNames(asMap(route)['match'], ['routes', index, 'match']);
  return findings;
}

function reaches(from: string, wanted: string, matchers: Fields, seen: Set<string>): boolean {
  if (seen.has(from)) return false;
  seen.add(from);
  return namesIn(matchers[from], []).some(({ name }) => {
    return name === wanted || reaches(name, wanted, matchers, seen);
  });
}

/** Returns the names of matchers that a match needs, and where they stand. */
function namesIn(match: unknown, path: Path): { name: string; at: Path }[] {
  return termsIn(match, path).flatMap(({ terms, at }) => {
    const names = asList(terms['is']).filter((name) => typeof name === 'string');
    return names.map((name, index) => ({ name, at: [...at, 'is', index] }));
  });
}

/** Returns the terms of a match: its own and those of its groups. */
function termsIn(match: unknown, path: Path): { terms: Fields; at: Path }[] {
  const own = asMap(match);
  const groups = ['all', 'any', 'not'].flatMap((group) => {
    return asList(own[group]).map((terms, index) => ({
      terms: asMap(terms),
      at: [...path, group, index],
    }));
  });
  return [{ terms: own, at: path }, ...groups];
}

/** Who asks for places must say where they are looked up. */
function checkPlaces({ geo, matchers }: Fields, routes: [number, unknown][]): Finding[] {
  if (asList(asMap(geo)['files']).length > 0) return [];
  const matches = [
    ...Object.entries(asMap(matchers)).map(([name, one]) => termsIn(one, ['matchers', name])),
    ...routes.map(([at, route]) => termsIn(asMap(route)['match'], ['routes', at, 'match'])),
  ].flat();
  for (const { terms, at } of matches) {
    const key = PLACES.find((one) => asList(terms[one]).length > 0);
    if (key !== undefined) {
      return [{ path: [...at, key], message: 'needs a database: name one in geo.files' }];
    }
  }
  return [];
}

function asMap(value: unknown): Fields {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isMap ? (value as Fields) : {};
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
