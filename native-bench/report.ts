// Turns rounds into the table on the terminal, the JSON file and the fragment of README.md.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Machine } from './harness/machine.ts';
import { median, type Spread, spreadOf } from './harness/statistics.ts';
import type { Measurement, Round } from './rounds.ts';
import type { Scenario } from './scenarios.ts';

/** One contender over all rounds of one scenario; ratios are paired: round by round against nginx. */
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

export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly rows: readonly Row[];
  readonly rounds: readonly Round[];
}

export interface BenchResult {
  readonly machine: Machine;
  readonly versions: Record<string, string>;
  readonly durationS: number;
  readonly baseline: string;
  readonly results: readonly ScenarioResult[];
}

/** Sums `rounds` up, one row a contender; ratios are to the contender called `baseline`. */
export function summarise(
  rounds: readonly Round[],
  names: readonly string[],
  baseline: string,
): Row[] {
  return names.map((name) => {
    const all = rounds.map((round) => measurementOf(round, name));
    const base = names.includes(baseline)
      ? rounds.map((each) => measurementOf(each, baseline))
      : null;
    const ratio = (value: (of: Measurement) => number): Spread | null =>
      base && spreadOf(all.map((each, at) => value(each) / value(base[at] ?? each)));
    const roles = Object.keys(all[0]?.roleMicrosPerRequest ?? {});
    return {
      name,
      cpuMicrosPerRequest: spreadOf(all.map((each) => each.cpuMicrosPerRequest)),
      cpuRatio: ratio((each) => each.cpuMicrosPerRequest),
      requestsPerSecond: spreadOf(all.map((each) => each.requestsPerSecond)),
      rateRatio: ratio((each) => each.requestsPerSecond),
      p50Micros: median(all.map((each) => each.load.p50Micros)),
      p99Micros: median(all.map((each) => each.load.p99Micros)),
      residentBytes: median(all.map((each) => each.residentBytes)),
      roleMicrosPerRequest: Object.fromEntries(
        roles.map((role) => [
          role,
          median(all.map((each) => each.roleMicrosPerRequest[role] ?? 0)),
        ]),
      ),
    };
  });
}

const HEAD = [
  'proxy',
  'CPU µs per request',
  '× baseline',
  'spread',
  'requests/s',
  '× baseline',
  'p50 ms',
  'p99 ms',
  'RSS MiB',
];

/** Returns the cells of a table, head first. */
export function tableCells(rows: readonly Row[], baseline: string): string[][] {
  const head = HEAD.map((each) => each.replace('baseline', baseline));
  return [head, ...rows.map(rowCells)];
}

/** Returns the table padded for a terminal. */
export function terminalTable(cells: readonly string[][]): string {
  const widths = (cells[0] ?? []).map((_, at) => Math.max(...cells.map((row) => row[at]!.length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
      .join('  ');
  return cells.map(line).join('\n');
}

/** Returns what the processes of `rows` cost apart, for proxies of more than one process. */
export function roleLines(rows: readonly Row[]): string[] {
  return rows
    .filter((row) => 'primary' in row.roleMicrosPerRequest || 'worker' in row.roleMicrosPerRequest)
    .map((row) => {
      const roles = Object.entries(row.roleMicrosPerRequest);
      return `${row.name}: ${roles.map(([role, micros]) => `${role} ${micros.toFixed(2)}`).join(', ')}`;
    });
}

/** Returns the Markdown that README.md carries between its markers. */
export function markdownFragment(result: BenchResult): string {
  const { machine, versions, baseline } = result;
  const lines: string[] = [];
  for (const { scenario, rows, rounds } of result.results) {
    const [head, ...body] = tableCells(rows, baseline);
    lines.push(`**${scenario.title}** (median of ${rounds.length} interleaved rounds)`, '');
    lines.push(`| ${head!.join(' | ')} |`, `|---|${'---:|'.repeat(head!.length - 1)}`);
    for (const row of body) lines.push(`| ${row.join(' | ')} |`);
    const roles = roleLines(rows);
    if (roles.length > 0) lines.push('', `CPU µs per request by process: ${roles.join('; ')}.`);
    lines.push('');
  }
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  lines.push(
    `Measured ${machine.date} with \`make bench QUICK=1\` at commit ${machine.commit} on ` +
      `${machine.cores} × ${machine.cpu}, Linux ${machine.kernel}: ${named.join('; ')}. Each proxy ` +
      'with all its processes on core 0 and one worker, keep-alive to the origin, no access log; wrk ' +
      `(one thread) and the origin, an nginx, on core 1; rounds of ${result.durationS} s in rotated ` +
      'order. CPU is user and system time of all processes of the proxy from /proc, over completed ' +
      'requests; ratios are medians of the ratios round by round, spread is their least and most.',
  );
  return lines.join('\n');
}

/** Writes the result as JSON into `folder` and returns the path. */
export function writeJson(folder: URL, name: string, result: object): string {
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${name}.json`, folder);
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file.pathname;
}

/** Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->`; throws without markers. */
export function writeFragment(file: URL, name: string, fragment: string): void {
  const [opening, closing] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(opening), text.indexOf(closing)];
  if (from < 0 || to < from) throw new Error(`${file.pathname} has no ${opening} … ${closing}`);
  const kept = text.slice(0, from + opening.length);
  writeFileSync(file, `${kept}\n${fragment}\n${text.slice(to)}`);
}

function measurementOf(round: Round, name: string): Measurement {
  const found = round.measurements.find((each) => each.name === name);
  if (found === undefined) throw new Error(`round ${round.number} lacks ${name}`);
  return found;
}

function rowCells(row: Row): string[] {
  const { cpuMicrosPerRequest: cpu, cpuRatio, requestsPerSecond: rate, rateRatio } = row;
  return [
    row.name,
    cpu.median.toFixed(1),
    cpuRatio === null ? '–' : cpuRatio.median.toFixed(2),
    cpuRatio === null ? '–' : `${cpuRatio.least.toFixed(2)}–${cpuRatio.most.toFixed(2)}`,
    String(Math.round(rate.median)),
    rateRatio === null ? '–' : rateRatio.median.toFixed(2),
    (row.p50Micros / 1000).toFixed(2),
    (row.p99Micros / 1000).toFixed(2),
    (row.residentBytes / 2 ** 20).toFixed(0),
  ];
}
