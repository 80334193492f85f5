// The routes that share a host, path and method: asked one after the other, those with conditions first.

import { type Asked, type Captures, pathEnd } from './asked.ts';
import type { BoundedRegex } from './bounded-regex.ts';
import type { Condition } from './conditions.ts';

/** One route in one place of the table. */
export interface Candidate<Found> {
  readonly found: Found;
  /** What else must hold; null for nothing. */
  readonly condition: Condition | null;
  /** More conditions go first. */
  readonly conditionCount: number;
  /** Names in the path, by the number of their segment; null when there are none. */
  readonly names: ReadonlyMap<string, number> | null;
  /** The expression that found it, when that has names; null otherwise. */
  readonly regex: BoundedRegex | null;
  /** Who is asked when the condition does not hold. */
  next: Candidate<Found> | null;
}

/** Candidates by method; `any` serves the methods that are not named, and those whose candidates refuse. */
export interface MethodTable<Found> {
  any: Candidate<Found> | null;
  named: Map<string, Candidate<Found>> | null;
}

/** Adds a candidate behind those that go first; of two without conditions the first one added wins. */
export function addCandidate<Found>(
  table: MethodTable<Found> | null,
  methods: readonly string[],
  candidate: Candidate<Found>,
): MethodTable<Found> {
  const result = table ?? { any: null, named: null };
  if (methods.length === 0) result.any = inserted(result.any, candidate);
  for (const method of methods) {
    result.named ??= new Map();
    const first = result.named.get(method) ?? null;
    result.named.set(method, inserted(first, { ...candidate }));
  }
  return result;
}

function inserted<Found>(
  first: Candidate<Found> | null,
  candidate: Candidate<Found>,
): Candidate<Found> {
  if (first === null || candidate.conditionCount > first.conditionCount) {
    candidate.next = first;
    return candidate;
  }
  first.next = inserted(first.next, candidate);
  return first;
}

/** Returns the first candidate that takes the request, or null. */
export function chooseCandidate<Found>(
  table: MethodTable<Found>,
  asked: Asked,
): Candidate<Found> | null {
  if (table.named !== null) {
    const first = table.named.get(asked.method);
    if (first !== undefined) {
      const named = firstThatHolds(first, asked);
      if (named !== null) return named;
    }
  }
  return table.any === null ? null : firstThatHolds(table.any, asked);
}

export function firstThatHolds<Found>(
  first: Candidate<Found>,
  asked: Asked,
): Candidate<Found> | null {
  for (let one: Candidate<Found> | null = first; one !== null; one = one.next) {
    if (one.condition === null || one.condition(asked)) return one;
  }
  return null;
}

/** Returns what stands in the path where the pattern has names. */
export function captured<Found>(candidate: Candidate<Found>, asked: Asked): Captures | null {
  const { names, regex } = candidate;
  if (names === null) return null;
  const path = asked.target.slice(0, pathEnd(asked.target));
  const parts = regex === null ? path.slice(1).split('/') : regex.groups(path);
  const captures = new Map<string, string>();
  for (const [name, at] of names) captures.set(name, parts?.[at] ?? '');
  return captures;
}
