// Writes the result of the side-by-side as a page: docs/benchmark.md with its picture, and the small table
// in README.md between its markers.

import { mkdirSync, writeFileSync } from 'node:fs';
import type { BenchResult, ScenarioResult } from './bench-result.ts';
import { allContenders } from './contenders.ts';
import { median } from './harness/statistics.ts';
import { BAR_COLOURS, barsSvg, type Panel } from './picture.ts';
import { idleCells, markdownTable, roleLines, tableCells, writeFragment } from './report.ts';
import { judge, targetCells } from './targets.ts';

const root = new URL('../', import.meta.url);
const PICTURE = 'docs/benchmark/side-by-side.svg';
const README_SCENARIO = 'small-get';

/** Writes page, picture and the README's table; returns what was written. */
export function writePage(result: BenchResult): string[] {
  const page = new URL('docs/benchmark.md', root);
  mkdirSync(new URL('docs/benchmark/', root), { recursive: true });
  writeFileSync(page, benchmarkPage(result));
  writeFileSync(new URL(PICTURE, root), benchmarkPicture(result));
  const written = ['docs/benchmark.md', PICTURE];
  const small = result.results.find((each) => each.scenario.name === README_SCENARIO);
  if (small !== undefined) {
    writeFragment(new URL('README.md', root), 'quick', readmeFragment(small, result.baseline));
    written.push('README.md');
  }
  return written;
}

/** Returns the whole page. */
export function benchmarkPage(result: BenchResult): string {
  const verdicts = judge(result.results);
  return [
    '# Side by side',
    'Written by `make bench ARGS=--write`; do not edit. How it is measured, and what the limits of it are:\n' +
      '[performance.md](performance.md). The configurations: `native-bench/peers/`, `native-bench/node-peers/`.',
    '![CPU time per request](benchmark/side-by-side.svg)',
    ...(verdicts.length > 0 ? ['## Targets', markdownTable(targetCells(verdicts))] : []),
    ...result.results.flatMap((each) => scenarioParts(each, result.baseline)),
    '',
  ].join('\n\n');
}

/** Returns the picture: who needs how much CPU for what. */
export function benchmarkPicture(result: BenchResult): string {
  const machine = result.results[0]?.machine;
  const where = machine === undefined ? '' : `${machine.cpu}, ${machine.date}`;
  return barsSvg(
    'CPU time per request, shorter is better',
    `one worker on one core, medians of interleaved rounds; ${where}`,
    result.results.map(panelOf),
  );
}

function panelOf({ scenario, rows, idle }: ScenarioResult): Panel {
  const bars =
    scenario.kind === 'idle'
      ? idle.map((row) => ({ name: row.name, value: median(row.bytesPerConnection) / 1024 }))
      : rows.map((row) => ({ name: row.name, value: row.cpuMicrosPerRequest.median }));
  const title = scenario.kind === 'idle' ? `${scenario.title}: memory of each` : scenario.title;
  return {
    title,
    unit: scenario.kind === 'idle' ? 'KiB' : 'µs',
    bars: bars
      .toSorted((a, b) => a.value - b.value)
      .map((bar) => ({ ...bar, colour: BAR_COLOURS[kindOf(bar.name)] })),
  };
}

/** Variants of Sluice that were named on the command line are Sluices, too. */
function kindOf(name: string): keyof typeof BAR_COLOURS {
  const known = allContenders.find(
    (each) => name === each.name || name.startsWith(`${each.name} `),
  );
  return known?.kind ?? (name.startsWith('sluice') ? 'sluice' : 'command');
}

function scenarioParts(result: ScenarioResult, baseline: string): string[] {
  const { scenario, rows, rounds, idle, absent } = result;
  const isIdle = scenario.kind === 'idle';
  const count = isIdle ? (idle[0]?.bytesPerConnection.length ?? 0) : rounds.length;
  const roles = roleLines(rows);
  const disturbed = result.disturbedRounds;
  const notes = [
    `Medians of ${count} interleaved rounds${isIdle ? '' : ` of ${result.durationS} s`}.`,
    ...(disturbed > 0 ? [`In ${disturbed} of them other work disturbed the machine.`] : []),
    ...(roles.length > 0 ? [`CPU µs per request by process: ${roles.join('; ')}.`] : []),
    ...(absent.length > 0 ? [`Without ${absent.map(absence).join('; ')}.`] : []),
  ];
  const cells = isIdle ? idleCells(idle, baseline) : tableCells(rows, baseline);
  return [`## ${scenario.title}`, markdownTable(cells), notes.join(' '), measuredWith(result)];
}

function absence({ name, reason }: { name: string; reason: string }): string {
  // The log of a program that failed is for the terminal.
  return `${name} (${reason.split('\n')[0]})`;
}

function measuredWith({ machine, versions }: ScenarioResult): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return (
    `Measured ${machine.date} at commit ${machine.commit} on ${machine.cores} × ${machine.cpu}, Linux ` +
    `${machine.kernel}: ${named.join('; ')}.`
  );
}

/** Returns what README.md carries between its markers. */
export function readmeFragment(result: ScenarioResult, baseline: string): string {
  const title = `**${result.scenario.title}** (median of ${result.rounds.length} interleaved rounds)`;
  const how =
    'Each proxy with all its processes on core 0 and one worker, keep-alive to the origin, no access ' +
    `log; wrk (one thread) and the origin, an nginx, on core 1; rounds of ${result.durationS} s in rotated ` +
    'order. CPU is user and system time of all processes of the proxy from /proc, over completed ' +
    'requests; ratios are medians of the ratios round by round, spread is their least and most.';
  const roles = roleLines(result.rows);
  return [
    title,
    markdownTable(tableCells(result.rows, baseline)),
    ...(roles.length > 0 ? [`CPU µs per request by process: ${roles.join('; ')}.`] : []),
    `${measuredWith(result)} ${how}`,
  ].join('\n\n');
}
