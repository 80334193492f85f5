// What the side-by-side leaves behind: results by scenario, each with where and with what it was measured,
// so that a later run of some scenarios can be put beside earlier ones.

import { existsSync, readFileSync } from 'node:fs';
import type { Machine } from './harness/machine.ts';
import type { IdleRow } from './idle.ts';
import type { Dropout, Round } from './rounds.ts';
import type { Scenario } from './scenario.ts';
import type { Row } from './summary.ts';

export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly durationS: number;
  readonly rows: readonly Row[];
  readonly rounds: readonly Round[];
  /** Rounds in which other work took more of a core than allowed; they count none the less. */
  readonly disturbedRounds: number;
  /** Of the scenario of idle connections alone. */
  readonly idle: readonly IdleRow[];
  /** Who did not take part, and why. */
  readonly absent: readonly Dropout[];
}

export interface BenchResult {
  readonly baseline: string;
  readonly results: readonly ScenarioResult[];
}

/** Reads an earlier result; empty when there is none. */
export function readResults(file: URL): readonly ScenarioResult[] {
  if (!existsSync(file)) return [];
  return (JSON.parse(readFileSync(file, 'utf8')) as BenchResult).results;
}

/** Puts `fresh` in the place of earlier results of the same scenarios, in the order of `names`. */
export function mergeResults(
  earlier: readonly ScenarioResult[],
  fresh: readonly ScenarioResult[],
  names: readonly string[],
): ScenarioResult[] {
  const newest = new Map([...earlier, ...fresh].map((each) => [each.scenario.name, each]));
  return names.flatMap((name) => newest.get(name) ?? []);
}
