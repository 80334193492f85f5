// Tables for the terminal and for Markdown, JSON, and fragments between markers of a page.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { median, spreadOf } from './harness/statistics.ts';
import type { IdleRow } from './idle.ts';
import type { Row } from './summary.ts';

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

/** Returns the cells of the table of idle connections, head first. */
export function idleCells(rows: readonly IdleRow[], baseline: string): string[][] {
  const growth = (row: IdleRow): number => median(row.bytesPerConnection);
  const base = rows.find((each) => each.name === baseline);
  const body = rows.map((row) => {
    const { least, most } = spreadOf(row.bytesPerConnection);
    return [
      row.name,
      `${Math.round(growth(row))}`,
      base === undefined ? '–' : (growth(row) / growth(base)).toFixed(2),
      `${Math.round(least)}–${Math.round(most)}`,
      megabytes(median(row.residentBytesBefore)),
    ];
  });
  return [['proxy', 'bytes per connection', `× ${baseline}`, 'spread', 'RSS MiB before'], ...body];
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

/** Returns the table as Markdown: names to the left, figures to the right. */
export function markdownTable(cells: readonly string[][]): string {
  const [head = [], ...body] = cells;
  const rule = `|---|${'---:|'.repeat(head.length - 1)}`;
  return [head, ...body]
    .map((row) => `| ${row.join(' | ')} |`)
    .toSpliced(1, 0, rule)
    .join('\n');
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
    megabytes(row.residentBytes),
  ];
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
