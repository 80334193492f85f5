// Sums rounds up: medians, spreads, and ratios that are paired round by round, so that a slow phase of
// the machine cancels out.

import { median, type Spread, spreadOf } from './harness/statistics.ts';
import type { Measurement, Round } from './rounds.ts';

/** One contender over all rounds of one scenario; ratios are against the baseline. */
export interface Row {
  readonly name: string;
  readonly cpuMicrosPerRequest: Spread;
  readonly cpuRatio: Spread | null;
  readonly requestsPerSecond: Spread;
  readonly rateRatio: Spread | null;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly residentBytes: number;
  readonly roleMicrosPerRequest: Record<string, number>;
}

/** What a ratio is made of. */
export type Value = (measurement: Measurement) => number;

export const cpuOf: Value = (measurement) => measurement.cpuMicrosPerRequest;
export const rateOf: Value = (measurement) => measurement.requestsPerSecond;
export const p99Of: Value = (measurement) => measurement.load.p99Micros;

/** Sums `rounds` up, one row for each of `names` that took part; ratios are to `baseline`. */
export function summarise(
  rounds: readonly Round[],
  names: readonly string[],
  baseline: string,
): Row[] {
  return names.flatMap((name) => {
    const all = measurementsOf(rounds, name);
    if (all.length === 0) return [];
    const roles = Object.keys(all[0]?.roleMicrosPerRequest ?? {});
    const row: Row = {
      name,
      cpuMicrosPerRequest: spreadOf(all.map(cpuOf)),
      cpuRatio: pairedRatio(rounds, { name, baseline, value: cpuOf }),
      requestsPerSecond: spreadOf(all.map(rateOf)),
      rateRatio: pairedRatio(rounds, { name, baseline, value: rateOf }),
      p50Micros: median(all.map((each) => each.load.p50Micros)),
      p99Micros: median(all.map(p99Of)),
      residentBytes: median(all.map((each) => each.residentBytes)),
      roleMicrosPerRequest: Object.fromEntries(
        roles.map((role) => [
          role,
          median(all.map((each) => each.roleMicrosPerRequest[role] ?? 0)),
        ]),
      ),
    };
    return [row];
  });
}

/** Returns the ratios of `name` to `baseline` round by round; null when one of them did not run. */
export function pairedRatio(
  rounds: readonly Round[],
  of: { name: string; baseline: string; value: Value },
): Spread | null {
  const ratios = rounds.flatMap((round) => {
    const own = round.measurements.find((each) => each.name === of.name);
    const base = round.measurements.find((each) => each.name === of.baseline);
    return own === undefined || base === undefined ? [] : [of.value(own) / of.value(base)];
  });
  return ratios.length === 0 ? null : spreadOf(ratios);
}

function measurementsOf(rounds: readonly Round[], name: string): Measurement[] {
  return rounds.flatMap((round) => round.measurements.filter((each) => each.name === name));
}
