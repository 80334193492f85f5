// The targets of the project beside what was measured: which hold, which are missed, which were not looked
// at. Every ratio is a median of ratios round by round.

import type { ScenarioResult } from './bench-result.ts';
import { median } from './harness/statistics.ts';
import { nodePeers } from './node-peers.ts';
import { cpuOf, p99Of, pairedRatio, rateOf, type Value } from './summary.ts';

/** One line of the table. `value` and `leanValue` are null when somebody needed did not run. */
export interface Verdict {
  readonly text: string;
  /** As in `≤ 1.00`. */
  readonly limit: string;
  readonly value: number | null;
  /** The same for `sluice-lean`, which adds no forwarded fields, as the others here. */
  readonly leanValue: number | null;
  readonly isReached: boolean | null;
}

interface Target {
  readonly scenario: string;
  readonly text: string;
  readonly most?: number;
  readonly least?: number;
  readonly measure: (result: ScenarioResult, name: string) => number | null;
  /** Who is looked at besides `sluice-lean`; `sluice` when left out. */
  readonly who?: string;
}

const SMALL = ['small-get', 'small-get-256', 'small-get-1024'];
const against =
  (baseline: string, value: Value) =>
  (result: ScenarioResult, name: string): number | null =>
    pairedRatio(result.rounds, { name, baseline, value })?.median ?? null;

export const targets: readonly Target[] = [
  ...SMALL.flatMap((scenario): Target[] => [
    { scenario, text: 'CPU per request ÷ nginx', most: 1, measure: against('nginx', cpuOf) },
    { scenario, text: 'CPU per request ÷ HAProxy', most: 1, measure: against('haproxy', cpuOf) },
    { scenario, text: 'requests/s ÷ nginx', least: 1, measure: against('nginx', rateOf) },
    { scenario, text: 'requests/s ÷ HAProxy', least: 1, measure: against('haproxy', rateOf) },
    {
      scenario,
      text: 'CPU per request ÷ nginx with pipelining: 16',
      most: 0.75,
      measure: against('nginx', cpuOf),
      who: 'sluice-pipelining',
    },
  ]),
  {
    scenario: 'browser-headers',
    text: 'CPU per request ÷ nginx',
    most: 1.1,
    measure: against('nginx', cpuOf),
  },
  ...['body-64k', 'body-10m'].map((scenario): Target => {
    const measure = against('nginx', (one) => 1 / cpuOf(one));
    return { scenario, text: 'bytes per CPU second ÷ nginx', least: 0.8, measure };
  }),
  {
    scenario: 'post-1k',
    text: 'CPU per request ÷ nginx',
    most: 1.1,
    measure: against('nginx', cpuOf),
  },
  { scenario: 'open-loop', text: 'p99 ÷ nginx', most: 1, measure: against('nginx', p99Of) },
  {
    scenario: 'small-get',
    text: 'requests per CPU second ÷ fastest Node peer',
    least: 2,
    measure: againstFastestNodePeer,
  },
  { scenario: 'idle-10k', text: 'growth of memory ÷ nginx', most: 2, measure: idleGrowth },
  {
    scenario: 'access-log',
    text: 'CPU per request with log ÷ without',
    most: 1.05,
    measure: (result, name) =>
      pairedRatio(result.rounds, { name: `${name} with log`, baseline: name, value: cpuOf })
        ?.median ?? null,
  },
];

/** Returns a verdict on every target whose scenario is among `results`. */
export function judge(results: readonly ScenarioResult[]): Verdict[] {
  return targets.flatMap((target) => {
    const result = results.find((each) => each.scenario.name === target.scenario);
    if (result === undefined) return [];
    const value = target.measure(result, target.who ?? 'sluice');
    const isLow = target.most !== undefined;
    const limit = target.most ?? target.least ?? 0;
    const leanValue = target.who === undefined ? target.measure(result, 'sluice-lean') : null;
    // What a table shows decides: two digits.
    const shown = value === null ? null : Number(value.toFixed(2));
    const isReached = shown === null ? null : isLow ? shown <= limit : shown >= limit;
    const text = `${result.scenario.title}: ${target.text}`;
    return [
      { text, limit: `${isLow ? '≤' : '≥'} ${limit.toFixed(2)}`, value, leanValue, isReached },
    ];
  });
}

/** Returns the cells of the table of targets, head first. */
export function targetCells(verdicts: readonly Verdict[]): string[][] {
  const figure = (value: number | null): string => (value === null ? '–' : value.toFixed(2));
  return [
    ['target', 'limit', 'sluice', 'sluice-lean', ''],
    ...verdicts.map((each) => [
      each.text,
      each.limit,
      figure(each.value),
      figure(each.leanValue),
      each.isReached === null ? 'not measured' : each.isReached ? 'reached' : 'missed',
    ]),
  ];
}

function againstFastestNodePeer(result: ScenarioResult, name: string): number | null {
  const peers = nodePeers.map((each) => each.name);
  const rows = result.rows.filter((row) => peers.includes(row.name));
  const fastest = rows.toSorted(
    (a, b) => a.cpuMicrosPerRequest.median - b.cpuMicrosPerRequest.median,
  )[0];
  if (fastest === undefined) return null;
  return against(fastest.name, (one) => 1 / cpuOf(one))(result, name);
}

function idleGrowth(result: ScenarioResult, name: string): number | null {
  const growth = (of: string): number | null => {
    const row = result.idle.find((each) => each.name === of);
    return row === undefined ? null : median(row.bytesPerConnection);
  };
  const [own, base] = [growth(name), growth('nginx')];
  return own === null || base === null ? null : own / base;
}
