// Tables and pictures of the comparisons, for the terminal and for docs/balancing-measured.md.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { writeFragment } from '../../native-bench/report.ts';
import { barsSvg } from './bars-svg.ts';
import type { LatencyRow } from './scenario.ts';
import { LAGS_MS, type LagRow } from './study.ts';

const docs = new URL('../../docs/', import.meta.url);
const measured = new URL('balancing-measured.md', docs);

/** The parts of the document, in order; each is written by its own run. */
const PARTS = [
  ['balance-simulated', 'One slow backend of four, simulated'],
  ['balance-real', 'One slow backend of four, real processes'],
  ['balance-side-by-side', 'Side by side with HAProxy and nginx'],
  ['balance-lag', 'What the delay of the shared counts costs'],
  ['balance-shared-state', 'What the shared state itself costs'],
] as const;

export type Part = (typeof PARTS)[number][0];

/** Puts `text` into its place in docs/balancing-measured.md and returns the path. */
export function writePart(part: Part, text: string): string {
  mkdirSync(docs, { recursive: true });
  if (!existsSync(measured)) {
    const sections = PARTS.map(([name, title]) => {
      return `## ${title}\n\n<!-- bench:${name} -->\n<!-- /bench:${name} -->\n`;
    });
    const how =
      'Written by `node perf/balance.ts --write` and `node native-bench/balance.ts --write`; ' +
      'do not edit between the markers.\n';
    writeFileSync(measured, ['# Balancing, measured\n', how, ...sections].join('\n'));
  }
  writeFragment(measured, part, `\n${text.trim()}\n`);
  return measured.pathname;
}

/** Writes a picture into docs/balancing and returns how the document shows it. */
export function writePicture(
  name: string,
  titles: { title: string; subtitle: string },
  rows: readonly LatencyRow[],
): string {
  const folder = new URL('balancing/', docs);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${name}.svg`, folder), barsSvg(titles.title, titles.subtitle, rows));
  return `![${titles.title}](balancing/${name}.svg)`;
}

/** Returns a Markdown table; the first column is text, the others are numbers. */
export function markdownTable(cells: readonly (readonly string[])[]): string {
  const [head = [], ...rows] = cells;
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`;
  const rule = `|${head.map((_, at) => (at === 0 ? '---' : '--:')).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Returns the cells of a comparison, head first. */
export function latencyCells(rows: readonly LatencyRow[]): string[][] {
  return [
    ['balancer', 'p50 ms', 'p99 ms', 'to the slow backend'],
    ...rows.map((row) => [
      row.name,
      row.p50Ms.toFixed(1),
      row.p99Ms.toFixed(1),
      `${(row.slowShare * 100).toFixed(1)} %`,
    ]),
  ];
}

/** Returns the cells of the study of delays; what is within 10 % of the ideal stands out. */
export function lagCells(rows: readonly LagRow[]): string[][] {
  return [
    ['balancer, service of 3 + 1', 'workers', ...LAGS_MS.map((lagMs) => `${lagMs} ms`)],
    ...rows.map((row) => [
      `${row.algorithm}, ${row.serviceMs} + ${row.serviceMs * 5} ms`,
      `${row.workers}`,
      ...row.ratios.map((ratio) => (ratio <= 1.1 ? `**${ratio.toFixed(2)}**` : ratio.toFixed(2))),
    ]),
  ];
}
