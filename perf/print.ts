// Prints a run, and what changed against an earlier one.

import { terminalTable } from '../native-bench/report.ts';
import type { LatencyPoint } from './load.ts';
import type { PerfRun } from './measure.ts';
import { duration } from './svg.ts';

const SHOWN = [50, 75, 90, 99, 99.9, 99.99, 100];

/** Returns the tables of one run. */
export function describeRun(run: PerfRun): string {
  const { load } = run;
  const latency = load.latency.filter((point) => SHOWN.includes(point.percentile));
  const mode = run.rate > 0 ? `open loop at ${run.rate}/s, corrected` : 'closed loop';
  return [
    `${run.title}; workers: ${run.cores}; ${mode}`,
    `${Math.round(load.requestsPerSecond)} requests/s, ${megabytes(load.bytes)} MiB in ${run.durationS} s`,
    '',
    terminalTable([
      ['latency', ...latency.map(pointName), 'mean'],
      ['', ...latency.map((point) => duration(point.micros)), duration(load.meanMicros)],
    ]),
    '',
    terminalTable([
      ['process', 'count', 'CPU µs per request', 'RSS MiB'],
      ...run.roles.map((each) => [
        each.role,
        `${each.processes}`,
        each.cpuMicrosPerRequest.toFixed(2),
        megabytes(each.residentBytes),
      ]),
    ]),
    '',
  ].join('\n');
}

/**
 * Returns what changed from `earlier` to `run`. Single runs differ by several per cent on a shared
 * machine; native-bench/compare.ts decides finer questions.
 */
export function describeChange(run: PerfRun, earlier: PerfRun): string {
  const cpu = (of: PerfRun): number =>
    of.roles.reduce((sum, each) => sum + each.cpuMicrosPerRequest, 0);
  const at = (of: PerfRun, percentile: number): number =>
    of.load.latency.find((point) => point.percentile === percentile)?.micros ?? Number.NaN;
  const row = (name: string, value: (of: PerfRun) => number, digits: number): string[] => [
    name,
    value(earlier).toFixed(digits),
    value(run).toFixed(digits),
    `${((value(run) / value(earlier) - 1) * 100).toFixed(1)} %`,
  ];
  return `${terminalTable([
    ['against the earlier run', 'then', 'now', 'change'],
    row('requests/s', (of) => of.load.requestsPerSecond, 0),
    row('CPU µs per request', cpu, 2),
    row('p50 µs', (of) => at(of, 50), 0),
    row('p99 µs', (of) => at(of, 99), 0),
    row('p99.9 µs', (of) => at(of, 99.9), 0),
  ])}\n`;
}

function pointName(point: LatencyPoint): string {
  return point.percentile === 100 ? 'max' : `p${point.percentile}`;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
