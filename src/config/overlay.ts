// Lays flags and environment variables over a draft. Flags win over the environment, which wins over
// the file; names that mean nothing are problems, with the nearest name that does.

import { parse } from 'yaml';
import { nearest } from '../std/nearest.ts';
import { type Assignment, assign, type Draft } from './draft.ts';
import { findEnvPaths, listEnvNames } from './environment.ts';
import { configFields, type Field, fieldAt } from './field-tree.ts';
import { formatPath, type Path, valueAt } from './path.ts';
import type { Place, Problem } from './problem.ts';

/** Variables that steer Sluice itself and are not settings. */
const internalNames = new Set(['SLUICE_ROLE', 'SLUICE_RUN_DIR', 'SLUICE_WORKER', 'SLUICE_CONFIG']);
const internalPrefixes = ['SLUICE_TEST_', 'SLUICE_BENCH_'];

/** Lays `flags` over the draft; returns the problems. */
export function applyFlags(draft: Draft, flags: readonly Assignment[]): Problem[] {
  const problems: Problem[] = [];
  for (const { path: written, value, name } of flags) {
    const place: Place = { kind: 'flag', name };
    const path = withNames(written);
    const field = fieldAt(path);
    const problem =
      field === null ? unknownPath(draft, path, place) : missingUpstream(draft, path, place);
    if (field === null || problem !== null) {
      if (problem !== null) problems.push(problem);
      continue;
    }
    seedDefaults(draft, path);
    assign(draft, path, typeof value === 'string' ? readValue(value, field) : value, place);
  }
  return problems;
}

/** The name of an upstream may be digits: 'upstreams.1.pipelining'. */
function withNames(path: Path): Path {
  return path.map((step, index) => {
    return fieldAt(path.slice(0, index))?.kind === 'list' ? step : String(step);
  });
}

/** Lays the SLUICE_* variables of `env` over the draft, where no flag stands; returns the problems. */
export function applyEnvironment(draft: Draft, env: NodeJS.ProcessEnv): Problem[] {
  const problems: Problem[] = [];
  const names = Object.keys(env).filter(isSetting);
  names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  for (const name of names) {
    const place: Place = { kind: 'env', name };
    const [path, second] = findEnvPaths(name, draft.value);
    if (path === undefined) {
      const suggestion = nearest(
        name,
        listEnvNames(draft.value).map((known) => known.name),
      );
      const message = 'no setting has this name (sluice check --env lists all)';
      problems.push({ place, path: '', message, suggestion });
    } else if (second !== undefined) {
      const message = `may mean ${formatPath(path)} or ${formatPath(second)}: rename one of them`;
      problems.push({ place, path: '', message });
    } else if (draft.places.get(formatPath(path))?.kind !== 'flag') {
      seedDefaults(draft, path);
      assign(draft, path, readValue(env[name] ?? '', fieldAt(path)!), place);
    }
  }
  return problems;
}

/** Reads a text as `field` wants it; what does not fit stays text, for the schema to refuse by name. */
export function readValue(text: string, field: Field): unknown {
  if (field.kind !== 'scalar') return readYaml(text);
  if (text === '' && field.accepts.has('null')) return null;
  if (field.accepts.has('number') && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (field.accepts.has('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** A list or map on the command line is YAML; what is not stays text. */
function readYaml(text: string): unknown {
  try {
    return parse(text, { logLevel: 'error' });
  } catch {
    return text;
  }
}

function isSetting(name: string): boolean {
  return (
    name.startsWith('SLUICE_') &&
    !internalNames.has(name) &&
    !internalPrefixes.some((prefix) => name.startsWith(prefix))
  );
}

/** A default list is written out before one of its elements is changed, or the others would be lost. */
function seedDefaults(draft: Draft, path: Path): void {
  for (let length = 1; length < path.length; length++) {
    const enclosing = path.slice(0, length);
    const field = fieldAt(enclosing);
    if (field?.kind !== 'list' || !Array.isArray(field.defaultValue)) continue;
    if (valueAt(draft.value, enclosing) !== undefined) continue;
    assign(draft, enclosing, structuredClone(field.defaultValue), { kind: 'default' });
  }
}

/** Only --to makes upstreams; everything else changes those that there are. */
function missingUpstream(draft: Draft, path: Path, place: Place): Problem | null {
  if (
    path[0] !== 'upstreams' ||
    path.length < 3 ||
    (place.kind === 'flag' && place.name === '--to')
  )
    return null;
  const upstreams = valueAt(draft.value, ['upstreams']);
  if (typeof upstreams !== 'object' || upstreams === null) return null;
  const name = String(path[1]);
  if (Object.hasOwn(upstreams, name)) return null;
  const message = `no upstream is called '${name}'`;
  const suggestion = nearest(name, Object.keys(upstreams));
  return { place, path: formatPath(path), message, suggestion };
}

function unknownPath(draft: Draft, path: Path, place: Place): Problem {
  let known: Path = [];
  while (known.length < path.length && fieldAt(path.slice(0, known.length + 1)) !== null) {
    known = path.slice(0, known.length + 1);
  }
  const field = fieldAt(known) ?? configFields();
  const step = String(path[known.length]);
  const names = field.kind === 'object' ? [...field.fields.keys()] : [];
  const guess = nearest(step, names);
  const paths = listEnvNames(draft.value).map((entry) => formatPath(entry.path));
  const suggestion =
    nearest(formatPath(path), paths) ?? (guess === null ? null : formatPath([...known, guess]));
  return { place, path: formatPath(path), message: 'no setting has this path', suggestion };
}
