// What changed from one run to another, beside the noise of both: a change that is not clearly larger
// than what rounds of the same run differ by is none.

import { median } from '../native-bench/harness/statistics.ts';
import type { PerfRound, PerfRun } from './measure.ts';

/** One line of a comparison. */
export interface Change {
  readonly name: string;
  readonly then: number;
  readonly now: number;
  /** 0.05 is five per cent more than before. */
  readonly share: number;
  /** What the medians may be off by, as a share. */
  readonly noise: number;
  readonly isNoise: boolean;
}

const VALUES: readonly (readonly [name: string, value: (round: PerfRound) => number])[] = [
  ['done per second', (round) => round.perSecond],
  ['CPU µs, all processes', cpuOf],
  ['p50 µs', (round) => round.p50Micros],
  ['p99 µs', (round) => round.p99Micros],
];

/** Compares `run` with `earlier`; runs of a single round say nothing about their noise. */
export function changesOf(run: PerfRun, earlier: PerfRun): Change[] {
  return VALUES.map(([name, value]) => {
    const [before, after] = [earlier.rounds.map(value), run.rounds.map(value)];
    const [then, now] = [median(before), median(after)];
    const noise = Math.hypot(noiseOf(before), noiseOf(after));
    const share = now / then - 1;
    return { name, then, now, share, noise, isNoise: Math.abs(share) <= noise };
  });
}

/** Returns half the distance of the rounds, as a share of their median; with one round, everything. */
export function noiseOf(values: readonly number[]): number {
  if (values.length < 2) return Number.POSITIVE_INFINITY;
  return (Math.max(...values) - Math.min(...values)) / 2 / median(values);
}

function cpuOf(round: PerfRound): number {
  return round.roles.reduce((sum, each) => sum + each.cpuMicrosPerWork, 0);
}
