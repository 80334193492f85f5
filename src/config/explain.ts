// Turns what the schema found into problems for people: place, path, expected and got, and the name
// that was probably meant.

import type * as z from 'zod';
import { nearest } from '../std/nearest.ts';
import { type Draft, placeOf } from './draft.ts';
import { type Field, fieldAt } from './field-tree.ts';
import { formatPath, type Path, valueAt } from './path.ts';
import { describeValue, type Problem } from './problem.ts';
import { repair } from './repair.ts';

type Issue = z.core.$ZodIssue;

/** Explains every issue, one problem for each path at most, in the order of the file. */
export function explainIssues(draft: Draft, issues: readonly Issue[]): Problem[] {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const issue of issues.flatMap((found) => flatten(found, []))) {
    for (const problem of explain(draft, issue)) {
      const identity = `${problem.path}\n${problem.message.startsWith('unknown key')}`;
      if (seen.has(identity)) continue;
      seen.add(identity);
      problems.push(problem);
    }
  }
  return problems;
}

/** Replaces a failed union by the issues of the branch that was meant: the one whose type fits. */
function flatten(issue: Issue, prefix: Path): Issue[] {
  const path = [...prefix, ...(issue.path as Path)];
  if (issue.code === 'invalid_union') {
    const meant = issue.errors.find((branch) => branch.every((inner) => !isWrongType(inner)));
    if (meant?.some((inner) => inner.path.length > 0)) {
      return meant.flatMap((inner) => flatten(inner, path));
    }
  }
  return [{ ...issue, path: [...path] }];
}

function isWrongType(issue: Issue): boolean {
  return issue.path.length === 0 && issue.code === 'invalid_type';
}

function explain(draft: Draft, issue: Issue): Problem[] {
  const path = issue.path as Path;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => explainUnknownKey(draft, path, key));
  }
  if (issue.code === 'invalid_key') {
    const name = String(path.at(-1));
    const expected = issue.issues[0]?.message ?? 'another name';
    const message = `expected ${expected}, got ${describeValue(name)}`;
    return [{ place: placeOf(draft, path, 'key'), path: formatPath(path), message }];
  }
  const value = valueAt(draft.value, path);
  if (value === undefined) {
    const message = `is missing: expected ${issue.message}`;
    return [{ place: placeOf(draft, path), path: formatPath(path), message }];
  }
  const message = `expected ${issue.message}, got ${describeValue(value)}`;
  const suggestion = suggestWord(issue, value) ?? repair(path, value);
  return [{ place: placeOf(draft, path), path: formatPath(path), message, suggestion }];
}

function suggestWord(issue: Issue, value: unknown): string | null {
  if (issue.code !== 'invalid_value' || typeof value !== 'string') return null;
  return nearest(value, issue.values.map(String));
}

function explainUnknownKey(draft: Draft, parent: Path, key: string): Problem {
  const path = [...parent, key];
  const place = placeOf(draft, path, 'key');
  const field = fieldAt(parent);
  const names = field?.kind === 'object' ? [...field.fields.keys()] : [];
  const suggestion = nearest(key, names) ?? findDeeper(field, key) ?? null;
  const message =
    suggestion === null ? `unknown key; here stand ${names.join(', ')}` : 'unknown key';
  return { place, path: formatPath(path), message, suggestion };
}

/** Looks for a key that belongs one group further down: idleMs → keepAlive.idleMs. */
function findDeeper(field: Field | null, key: string): string | null {
  if (field?.kind !== 'object') return null;
  for (const [group, inner] of field.fields) {
    if (inner.kind === 'object' && inner.fields.has(key)) return `${group}.${key}`;
  }
  return null;
}
