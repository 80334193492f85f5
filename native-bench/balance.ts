// Side by side with HAProxy and nginx when one backend of four is slow: p50 and p99 in interleaved
// rounds, ratios paired round by round. `node native-bench/balance.ts --help`.

import { parseArgs } from 'node:util';
import { mediansOf } from '../perf/balance/real.ts';
import { runOpenLoad, servedBy, startBackends } from '../perf/balance/real-scene.ts';
import { markdownTable, writePart, writePicture } from '../perf/balance/report.ts';
import { type LatencyRow, RATES, SCENARIO_TEXT } from '../perf/balance/scenario.ts';
import { balanceContenders, startBalanceContender } from './balance/contenders.ts';
import { describeMachine, requirePrograms, versionOf } from './harness/machine.ts';
import { median, rotated } from './harness/statistics.ts';
import { Workbench } from './harness/workbench.ts';
import { terminalTable, writeJson } from './report.ts';
import { LOAD_CORE, PROXY_CORE } from './rounds.ts';

const HELP = `node native-bench/balance.ts [options]

  --rounds N      interleaved rounds (default 5)
  --duration S    seconds of load per round and proxy (default 3)
  --rate N        requests per second (default ${RATES.overloads})
  --write         put table and picture into docs/
`;

const options = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    duration: { type: 'string', default: '3' },
    rate: { type: 'string', default: `${RATES.overloads}` },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
}).values;

/** One contender in one round. */
interface Run extends LatencyRow {
  readonly round: number;
}

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  requirePrograms(['nginx', 'haproxy', 'taskset']);
  const runs = await measure();
  const names = balanceContenders.map((each) => each.name);
  const rows = names.map((name) => mediansOf(name, runs));
  const cells = [
    [
      'proxy',
      'p50 ms',
      'p99 ms',
      'least',
      'to the slow backend',
      'p99 / best HAProxy',
      '/ best nginx',
    ],
    ...rows.map((row) => [
      row.name,
      row.p50Ms.toFixed(1),
      row.p99Ms.toFixed(1),
      leastP99(runs, row.name).toFixed(1),
      `${(row.slowShare * 100).toFixed(1)} %`,
      ratioTo(runs, row.name, bestOf(rows, 'haproxy')).toFixed(2),
      ratioTo(runs, row.name, bestOf(rows, 'nginx')).toFixed(2),
    ]),
  ];
  process.stdout.write(`${terminalTable(cells)}\n`);
  const machine = describeMachine();
  const json = writeJson(new URL('./out/', import.meta.url), 'balance', { machine, rows, runs });
  process.stdout.write(`written: ${json}\n`);
  if (options.write) write(rows, markdownTable(cells));
}

async function measure(): Promise<Run[]> {
  const workbench = new Workbench();
  try {
    const backends = await startBackends(workbench, LOAD_CORE);
    const ports = new Map<string, number>();
    for (const contender of balanceContenders) {
      const lane = { backends, core: PROXY_CORE };
      ports.set(contender.name, await startBalanceContender(contender, workbench, lane));
    }
    const runs: Run[] = [];
    // Round 0 is the warm-up.
    for (let round = 0; round <= Number(options.rounds); round++) {
      for (const { name } of rotated(balanceContenders, round)) {
        const before = await servedBy(backends);
        const durationS = round === 0 ? 1 : Number(options.duration);
        const requestsPerSecond = Number(options.rate);
        const load = { port: ports.get(name)!, requestsPerSecond, durationS, seed: round };
        const { p50Ms, p99Ms } = await runOpenLoad(load, LOAD_CORE);
        const served = (await servedBy(backends)).map((count, at) => count - before[at]!);
        const slowShare = served.at(-1)! / served.reduce((sum, count) => sum + count, 0);
        process.stderr.write(`  round ${round} ${name}: p99 ${p99Ms.toFixed(1)} ms\n`);
        if (round > 0) runs.push({ round, name, p50Ms, p99Ms, slowShare });
      }
    }
    return runs;
  } finally {
    await workbench.close();
  }
}

/** Returns the name of the proxy's variant with the lowest median p99. */
function bestOf(rows: readonly LatencyRow[], proxy: string): string {
  const own = rows.filter((row) => row.name.startsWith(proxy));
  return own.toSorted((a, b) => a.p99Ms - b.p99Ms)[0]!.name;
}

/** Returns the p99 of the quietest round: what other work on the machine can only raise. */
function leastP99(runs: readonly Run[], name: string): number {
  return Math.min(...runs.filter((run) => run.name === name).map((run) => run.p99Ms));
}

/** Returns the median of the ratios of p99 round by round. */
function ratioTo(runs: readonly Run[], name: string, baseline: string): number {
  const base = new Map(
    runs.filter((run) => run.name === baseline).map((run) => [run.round, run.p99Ms]),
  );
  const own = runs.filter((run) => run.name === name);
  return median(own.map((run) => run.p99Ms / base.get(run.round)!));
}

function write(rows: readonly LatencyRow[], table: string): void {
  const title = 'One slow backend of four: Sluice, HAProxy, nginx';
  const subtitle = `${options.rate} requests/s, one thread or worker each`;
  const picture = writePicture('side-by-side', { title, subtitle }, rows);
  const { date, cpu, commit } = describeMachine();
  const how =
    `${SCENARIO_TEXT[0]!.toUpperCase()}${SCENARIO_TEXT.slice(1)}; ${options.rate} requests/s. ` +
    'Every proxy with one thread or worker on core 0, load and backends on core 1; medians of ' +
    `${options.rounds} interleaved rounds of ${options.duration} s, ratios are medians of the ratios ` +
    `round by round, least is the p99 of the quietest round. Measured ${date} at commit ${commit} on ${cpu}, while other work ran on the ` +
    `machine: HAProxy ${versionOf('haproxy', ['-v'])}, nginx ${versionOf('nginx', ['-v'])}.`;
  const path = writePart('balance-side-by-side', [how, table, picture].join('\n\n'));
  process.stdout.write(`written: ${path}\n`);
}
