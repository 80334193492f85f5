// Prints a run, and what changed against an earlier one.

import { spreadOf } from '../native-bench/harness/statistics.ts';
import { terminalTable } from '../native-bench/report.ts';
import { type Change, changesOf } from './change.ts';
import type { LatencyPoint } from './load/load-result.ts';
import { type PerfRun, roleMedians } from './measure.ts';
import { duration } from './svg.ts';

const SHOWN = [50, 75, 90, 99, 99.9, 99.99, 100];

/** Returns the tables of one run. */
export function describeRun(run: PerfRun): string {
  const latency = run.latency.filter((point) => SHOWN.includes(point.percentile));
  const mode = run.rate > 0 ? `open loop at ${run.rate}/s, corrected` : 'closed loop';
  const rate = spreadOf(run.rounds.map((round) => round.perSecond));
  const rounds = `${run.rounds.length} rounds of ${run.durationS} s`;
  return [
    `${run.title}; ${run.connections} connections; workers: ${run.cores}; ${mode}; ${rounds}`,
    `${Math.round(rate.median)} ${run.unit}s/s (${Math.round(rate.least)}–${Math.round(rate.most)}), ` +
      `${megabytes(run.bytes)} MiB in all`,
    '',
    terminalTable([
      ['latency', ...latency.map(pointName), 'mean'],
      ['', ...latency.map((point) => duration(point.micros)), duration(run.meanMicros)],
    ]),
    '',
    terminalTable(processCells(run)),
    '',
  ].join('\n');
}

/** Returns what changed from `earlier` to `run`, and what of it is no more than noise. */
export function describeChange(run: PerfRun, earlier: PerfRun): string {
  return `${terminalTable([
    ['against the earlier run', 'then', 'now', 'change', 'noise', ''],
    ...changesOf(run, earlier).map(changeCells),
  ])}\n`;
}

function processCells(run: PerfRun): string[][] {
  return [
    [
      ...['process', 'count', `CPU µs per ${run.unit}`, 'RSS MiB', 'peak'],
      ...['GC pauses/s', 'share', 'p99 ms', 'max ms', 'loop delay p99 ms', 'max ms'],
    ],
    ...roleMedians(run).map((each) => {
      const pauses = run.pauses[each.role] ?? null;
      const delay = run.loopDelays[each.role];
      return [
        each.role,
        `${each.processes}`,
        each.cpuMicrosPerWork.toFixed(2),
        megabytes(each.residentBytes),
        megabytes(each.peakBytes),
        pauses === null ? '–' : pauses.perSecond.toFixed(1),
        pauses === null ? '–' : `${(pauses.share * 100).toFixed(1)} %`,
        pauses === null ? '–' : pauses.p99Ms.toFixed(2),
        pauses === null ? '–' : pauses.mostMs.toFixed(2),
        delay === undefined ? '–' : delay.p99Ms.toFixed(1),
        delay === undefined ? '–' : delay.mostMs.toFixed(1),
      ];
    }),
  ];
}

function changeCells(change: Change): string[] {
  const digits = change.now < 100 ? 2 : 0;
  const isKnown = Number.isFinite(change.noise);
  return [
    change.name,
    change.then.toFixed(digits),
    change.now.toFixed(digits),
    `${change.share > 0 ? '+' : ''}${(change.share * 100).toFixed(1)} %`,
    isKnown ? `± ${(change.noise * 100).toFixed(1)} %` : 'unknown',
    change.isNoise ? 'noise' : 'changed',
  ];
}

function pointName(point: LatencyPoint): string {
  return point.percentile === 100 ? 'max' : `p${point.percentile}`;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
