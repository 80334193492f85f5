// Before and after: which of several Sluices, prototypes or peers costs less CPU per request, to about
// one per cent, in turns of a fraction of a second. `node native-bench/compare.ts --help`.

import { parseArgs } from 'node:util';
import { startContender } from './contender.ts';
import { describeMachine, requirePrograms } from './harness/machine.ts';
import { startOrigin } from './harness/origin.ts';
import { median, quantile } from './harness/statistics.ts';
import { Workbench } from './harness/workbench.ts';
import { terminalTable, writeJson } from './report.ts';
import { LOAD_CORE, PROXY_CORE } from './rounds.ts';
import { upstreamConnectionsOf } from './scenario.ts';
import { closedLoopNamed } from './scenarios.ts';
import { requireContenders, selectContenders, selectionOptions } from './selection.ts';
import { runSlices, type Turn } from './slices.ts';

const HELP = `node native-bench/compare.ts [options]

  --scenario NAME       which work (default small-get)
  --turns N             turns of each contender (default 300)
  --turn-ms N           length of a turn in milliseconds (default 80)
  --warm-up-turns N     turns before those that count (default 30)
  --foreign-max SHARE   leave out turns in which others took more of the core (default 0.1)
  --only NAME,NAME      who runs, of all (default nginx,haproxy,sluice and the extra ones)
  --sluice NAME=FLAGS   Sluice once more under NAME with further flags, may be repeated
  --extra NAME=COMMAND  any command that serves $PORT before $ORIGIN_PORT, may be repeated
  --baseline NAME       whom the ratios refer to, may be repeated (default nginx)
`;

const options = parseArgs({
  options: {
    ...selectionOptions,
    scenario: { type: 'string', default: 'small-get' },
    turns: { type: 'string', default: '300' },
    'turn-ms': { type: 'string', default: '80' },
    'warm-up-turns': { type: 'string', default: '30' },
    'foreign-max': { type: 'string', default: '0.1' },
    baseline: { type: 'string', multiple: true, default: ['nginx'] },
    help: { type: 'boolean', default: false },
  },
}).values;

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const contenders = selectContenders(options);
  requirePrograms(['nginx', 'wrk', 'taskset']);
  requireContenders(contenders);
  const scenario = closedLoopNamed(options.scenario);
  const workbench = new Workbench();
  try {
    const origin = await startOrigin(workbench, LOAD_CORE);
    const upstreamConnections = upstreamConnectionsOf(scenario);
    const contestants = [];
    for (const contender of contenders) {
      const { wire } = scenario;
      const lane = { originPort: origin.port, upstreamConnections, core: PROXY_CORE, wire };
      const { work } = scenario.variants[0]!;
      contestants.push(await startContender(contender, workbench, { ...lane, work }));
    }
    const turns = await runSlices({
      workbench,
      scenario,
      contestants,
      origin,
      loadCore: LOAD_CORE,
      turns: Number(options.turns),
      turnMs: Number(options['turn-ms']),
      warmUpTurns: Number(options['warm-up-turns']),
      progress: (line) => process.stderr.write(`  ${line}\n`),
    });
    const names = contenders.map((each) => each.name);
    process.stdout.write(`${scenario.title}\n${terminalTable(comparison(turns, names))}\n`);
    const machine = describeMachine();
    writeJson(new URL('./out/', import.meta.url), 'compare', { machine, scenario, turns });
  } finally {
    await workbench.close();
  }
}

/** One row a contender; a ratio is the median of the ratios to the baseline's turn of the same number. */
function comparison(turns: readonly Turn[], names: readonly string[]): string[][] {
  const quiet = turns.filter((each) => each.foreignShare <= Number(options['foreign-max']));
  const baselines = options.baseline.filter((each) => names.includes(each));
  const head = ['proxy', 'turns', 'CPU µs per request', 'quartiles'];
  const cells = [[...head, ...baselines.map((each) => `× ${each} ± error`)]];
  for (const name of names) {
    const own = quiet.filter((each) => each.name === name);
    const costs = own.map((each) => each.cpuMicrosPerRequest);
    const quartiles = `${quantile(costs, 0.25).toFixed(1)}–${quantile(costs, 0.75).toFixed(1)}`;
    const ratios = baselines.map((baseline) => ratioCell(quiet, own, baseline));
    cells.push([name, `${own.length}`, median(costs).toFixed(2), quartiles, ...ratios]);
  }
  return cells;
}

/** The error is that of the median: 1.25 × half the quartile distance ÷ 0.674 ÷ √n. */
function ratioCell(quiet: readonly Turn[], own: readonly Turn[], baseline: string): string {
  const base = new Map(
    quiet.filter((each) => each.name === baseline).map((each) => [each.number, each]),
  );
  const ratios: number[] = [];
  for (const turn of own) {
    const other = base.get(turn.number);
    if (other !== undefined) ratios.push(turn.cpuMicrosPerRequest / other.cpuMicrosPerRequest);
  }
  const spread = (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2;
  const error = (1.25 * spread) / 0.674 / Math.sqrt(ratios.length);
  return `${median(ratios).toFixed(3)} ± ${error.toFixed(3)}`;
}
