// The environment variable of every scalar, by one rule: the path in capitals, joined by '_', after
// SLUICE_. limits.requestHeadBytes → SLUICE_LIMITS_REQUEST_HEAD_BYTES; listeners[0].port →
// SLUICE_LISTENERS_0_PORT. Names of upstreams are those of the configuration at hand.

import { configFields, type Field } from './field-tree.ts';
import { formatEnvName, formatEnvStep, type Path } from './path.ts';

/** A setting that an environment variable can change. */
export interface EnvName {
  readonly name: string;
  readonly path: Path;
  readonly description: string;
}

/**
 * Returns every path that `name` may mean in `raw`: none, one, or more where two upstreams read the
 * same in capitals. An index may be at most one past the end of its list.
 */
export function findEnvPaths(name: string, raw: unknown): Path[] {
  if (!/^SLUICE_.*[^_]$/.test(name)) return [];
  return find(name.slice('SLUICE_'.length), configFields(), raw);
}

/** Lists every variable that can be set in `raw`: all scalars of the schema, for all that `raw` has. */
export function listEnvNames(raw: unknown): EnvName[] {
  return list(configFields(), raw, [], '');
}

function find(rest: string, field: Field, raw: unknown): Path[] {
  if (field.kind === 'scalar') return rest === '' ? [[]] : [];
  if (field.kind === 'list') {
    const [matched, digits = ''] = /^(0|[1-9]\d{0,5})(?:_|$)/.exec(rest) ?? [];
    const index = Number(digits);
    if (matched === undefined || index > lengthOf(field, raw)) return [];
    return find(rest.slice(matched.length), field.item, child(raw, index)).map((path) => [
      index,
      ...path,
    ]);
  }
  return childrenOf(field, raw).flatMap(([key, inner]) => {
    const word = formatEnvStep(key);
    if (rest !== word && !rest.startsWith(`${word}_`)) return [];
    const after = rest.slice(word.length + 1);
    return find(after, inner, child(raw, key)).map((path) => [key, ...path]);
  });
}

function list(field: Field, raw: unknown, path: Path, enclosing: string): EnvName[] {
  // The elements of a list of texts are described by the list.
  const description = field.description || enclosing;
  if (field.kind === 'scalar') return [{ name: formatEnvName(path), path, description }];
  if (field.kind === 'object' && field.isNullable && (raw ?? null) === null) return [];
  const steps: [string | number, Field][] =
    field.kind === 'list'
      ? Array.from({ length: lengthOf(field, raw) }, (_, index) => [index, field.item])
      : childrenOf(field, raw);
  return steps.flatMap(([step, inner]) => {
    return list(inner, child(raw, step), [...path, step], description);
  });
}

function childrenOf(field: Field, raw: unknown): [string, Field][] {
  if (field.kind === 'object') return [...field.fields];
  if (field.kind !== 'map' || typeof raw !== 'object' || raw === null) return [];
  return Object.keys(raw).map((key) => [key, field.value]);
}

function lengthOf(field: Field, raw: unknown): number {
  const items = raw ?? field.defaultValue;
  return Array.isArray(items) ? items.length : 0;
}

function child(raw: unknown, step: string | number): unknown {
  if (typeof raw !== 'object' || raw === null || !Object.hasOwn(raw, step)) return undefined;
  return (raw as Record<string | number, unknown>)[step];
}
