// The targets of the project beside what was measured: which hold, which are missed, which were not looked
// at. Every ratio is a median of ratios round by round.

import type { ScenarioResult } from './bench-result.ts';
import { median } from './harness/statistics.ts';
import { nodePeers } from './node-peers.ts';
import { cpuOf, p99Of, pairedRatio, rateOf, type Value } from './summary.ts';

/** One line of the table. `value` and `leanValue` are null when somebody needed did not run. */
export interface Verdict {
  readonly text: string;
  /** As in `≤ 1.00`; `–` where the figure is only to be known. */
  readonly limit: string;
  readonly value: number | null;
  /** The same for `sluice-lean`, which adds no forwarded fields, as the others here. */
  readonly leanValue: number | null;
  readonly isReached: boolean | null;
}

/** Without `most` and `least` it is only to be known. */
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
/** Scenario, peer, and how many times as much is to be done in the same CPU time. */
const CACHE = [
  ['cache-hit', 'nginx', 1.5],
  ['cache-hit', 'varnish', 2],
  ['cache-hit-64k', 'nginx', 1],
  ['cache-hit-64k', 'varnish', 1],
  ['cache-gzip', 'nginx', 5],
] as const;
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
  ...['tls-handshake', 'tls-resumption'].map((scenario): Target => {
    const measure = against('nginx', (one) => 1 / cpuOf(one));
    return { scenario, text: 'handshakes per CPU second ÷ nginx', least: 1, measure };
  }),
  ...['tls-small-get', 'tls-body-10m'].map((scenario): Target => {
    const measure = against('nginx', (one) => 1 / cpuOf(one));
    return { scenario, text: 'requests per CPU second ÷ nginx', least: 1, measure };
  }),
  ...['nginx', 'nghttpx', 'h2o'].map((name): Target => {
    const text = `CPU per request ÷ ${name}`;
    return { scenario: 'http2-small-get', text, measure: against(name, cpuOf) };
  }),
  {
    scenario: 'post-1k',
    text: 'CPU per request ÷ nginx',
    most: 1.1,
    measure: against('nginx', cpuOf),
  },
  { scenario: 'open-loop', text: 'p99 ÷ nginx', most: 1, measure: against('nginx', p99Of) },
  ...['small-get', 'http2-small-get'].map((scenario): Target => {
    const text = 'requests per CPU second ÷ fastest Node peer';
    return { scenario, text, least: 2, measure: againstFastestNodePeer };
  }),
  ...CACHE.map(([scenario, peer, least]): Target => {
    const text = `requests per CPU second ÷ ${peer}`;
    return { scenario, text, least, measure: against(peer, (one) => 1 / cpuOf(one)) };
  }),
  ...['cache-miss', 'cache-miss-2'].map((scenario): Target => {
    const text = 'CPU per request ÷ without cache';
    const measure: Target['measure'] = (result, name) =>
      against(`${name} without cache`, cpuOf)(result, name);
    return { scenario, text, most: 1.1, measure };
  }),
  {
    scenario: 'gzip-beside',
    text: 'p99 ÷ beside nothing',
    most: 1.5,
    measure: ({ rounds }, name) =>
      pairedRatio(rounds, { name: `${name} beside`, baseline: name, value: p99Of })?.median ?? null,
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
    const leanValue = target.who === undefined ? target.measure(result, 'sluice-lean') : null;
    const text = `${result.scenario.title}: ${target.text}`;
    return [
      { text, limit: limitText(target), value, leanValue, isReached: reaches(target, value) },
    ];
  });
}

function limitText({ most, least }: Target): string {
  if (most !== undefined) return `≤ ${most.toFixed(2)}`;
  return least === undefined ? '–' : `≥ ${least.toFixed(2)}`;
}

/** What a table shows decides: two digits. */
function reaches({ most, least }: Target, value: number | null): boolean | null {
  if (value === null) return null;
  const shown = Number(value.toFixed(2));
  if (most !== undefined) return shown <= most;
  return least === undefined ? null : shown >= least;
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
      outcomeOf(each),
    ]),
  ];
}

function outcomeOf({ value, isReached }: Verdict): string {
  if (value === null) return 'not measured';
  if (isReached === null) return '';
  return isReached ? 'reached' : 'missed';
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
