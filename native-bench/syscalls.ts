// Where the kernel's share goes: system calls per request of each proxy, counted with strace while wrk
// sends. Slow and heavy-handed: use it to count, never to time. `node native-bench/syscalls.ts --help`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Contender, type Contestant, startContender } from './contender.ts';
import { processTree } from './harness/cpu-account.ts';
import { requirePrograms } from './harness/machine.ts';
import { startOrigin } from './harness/origin.ts';
import { Workbench } from './harness/workbench.ts';
import { loadFault } from './load/load-report.ts';
import { runClosedLoop } from './load-runner.ts';
import { terminalTable, writeJson } from './report.ts';
import { LOAD_CORE, PROXY_CORE } from './rounds.ts';
import { type Scenario, upstreamConnectionsOf } from './scenario.ts';
import { closedLoopNamed } from './scenarios.ts';
import { requireContenders, selectContenders, selectionOptions } from './selection.ts';

const HELP = `node native-bench/syscalls.ts [options]

  --scenario NAME       which work (default small-get)
  --duration S          seconds of load under strace (default 3)
  --only NAME,NAME      who runs, of all (default nginx,haproxy,sluice and the extra ones)
  --sluice NAME=FLAGS   Sluice once more under NAME with further flags, may be repeated
  --extra NAME=COMMAND  any command that serves $PORT before $ORIGIN_PORT, may be repeated
`;

/** Calls rarer than this per request are summed up as \`others\`. */
const SHOWN_MIN = 0.005;
/** strace needs a moment to attach to all threads. */
const ATTACH_MS = 700;

const options = parseArgs({
  options: {
    ...selectionOptions,
    scenario: { type: 'string', default: 'small-get' },
    duration: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
}).values;

/** Calls per request by name of the system call. */
type Calls = Record<string, number>;

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const contenders = selectContenders(options);
  requirePrograms(['nginx', 'wrk', 'taskset', 'strace']);
  requireContenders(contenders);
  const scenario = closedLoopNamed(options.scenario);
  const counts: Record<string, Calls> = {};
  for (const contender of contenders) {
    process.stdout.write(`  ${contender.name}\n`);
    counts[contender.name] = await countCalls(contender, scenario);
  }
  process.stdout.write(`\nsystem calls per request: ${scenario.title}\n`);
  process.stdout.write(`${terminalTable(callTable(counts))}\n`);
  writeJson(new URL('./out/', import.meta.url), 'syscalls', { scenario, counts });
}

/** Measures one contender in a world of its own. */
async function countCalls(contender: Contender, scenario: Scenario): Promise<Calls> {
  const workbench = new Workbench();
  try {
    const origin = await startOrigin(workbench, LOAD_CORE);
    const upstreamConnections = upstreamConnectionsOf(scenario);
    const { wire } = scenario;
    const { work = 'forward' } = scenario.variants[0] ?? {};
    const lane = { originPort: origin.port, upstreamConnections, core: PROXY_CORE, wire, work };
    const contestant = await startContender(contender, workbench, lane);
    // Connections to the origin exist, and code is compiled, before anything is counted.
    const { port } = contestant;
    const { directory } = workbench;
    await runClosedLoop({ scenario, port, durationS: 2, core: LOAD_CORE }, directory);
    return await traceLoad(workbench, contestant, scenario);
  } finally {
    await workbench.close();
  }
}

async function traceLoad(
  workbench: Workbench,
  contestant: Contestant,
  scenario: Scenario,
): Promise<Calls> {
  const file = join(workbench.directory, 'strace.txt');
  const targets = processTree(contestant.running.pid).flatMap((use) => ['-p', `${use.pid}`]);
  const tracer = workbench.start({
    name: 'strace',
    program: 'strace',
    args: ['-f', '-c', '-U', 'calls,name', '-o', file, ...targets],
    core: null,
  });
  await sleep(ATTACH_MS);
  const durationS = Number(options.duration);
  const run = { scenario, port: contestant.port, durationS, core: LOAD_CORE };
  const load = await runClosedLoop(run, workbench.directory);
  const fault = loadFault(load);
  if (fault !== null) throw new Error(`${contestant.name}: ${fault}\n${workbench.log('strace')}`);
  await tracer.stop();
  const calls: Calls = {};
  for (const [, count, name] of readFileSync(file, 'utf8').matchAll(/^ *(\d+) (\w+)$/gm)) {
    if (name !== 'total') calls[name ?? ''] = Number(count) / load.requests;
  }
  return calls;
}

/** One row a system call, the most frequent first, one column a contender. */
function callTable(counts: Record<string, Calls>): string[][] {
  const columns = Object.values(counts);
  const most = (name: string): number => Math.max(...columns.map((calls) => calls[name] ?? 0));
  const names = [...new Set(columns.flatMap((calls) => Object.keys(calls)))];
  const shown = names.filter((name) => most(name) >= SHOWN_MIN);
  shown.sort((a, b) => most(b) - most(a));
  const others = (calls: Calls): number =>
    names.reduce((sum, name) => sum + (shown.includes(name) ? 0 : (calls[name] ?? 0)), 0);
  const total = (calls: Calls): number => Object.values(calls).reduce((sum, each) => sum + each, 0);
  return [
    ['', ...Object.keys(counts)],
    ...shown.map((name) => [name, ...columns.map((calls) => figure(calls[name] ?? 0))]),
    ['others', ...columns.map((calls) => figure(others(calls)))],
    ['all', ...columns.map((calls) => figure(total(calls)))],
  ];
}

function figure(value: number): string {
  return value === 0 ? '–' : value.toFixed(2);
}
