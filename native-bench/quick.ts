// `make bench QUICK=1`: Sluice side by side with nginx and HAProxy on this machine, in a few minutes.
// The proxy under test has core 0 for itself; load generator and origin share core 1.

import { parseArgs } from 'node:util';
import { type Contender, startContender } from './contenders.ts';
import { describeMachine, requirePrograms, versionOf } from './harness/machine.ts';
import { startOrigin } from './harness/origin.ts';
import { Workbench } from './harness/workbench.ts';
import {
  markdownFragment,
  roleLines,
  type ScenarioResult,
  summarise,
  tableCells,
  terminalTable,
  writeFragment,
  writeJson,
} from './report.ts';
import { LOAD_CORE, PROXY_CORE, runRounds } from './rounds.ts';
import { scenarioNamed, scenarios } from './scenarios.ts';
import { selectContenders, selectionOptions } from './selection.ts';

const HELP = `node native-bench/quick.ts [options]

  --scenario NAME       which work, may be repeated (default small-get):
                        ${scenarios.map((each) => each.name).join(', ')}
  --rounds N            interleaved rounds (default 5)
  --duration S          seconds of load per round and proxy (default 3)
  --warm-up S           seconds before the rounds (default 3)
  --only NAME,NAME      run only these of nginx, haproxy, sluice and the extra ones
  --sluice NAME=FLAGS   Sluice once more under NAME with further flags, may be repeated
  --extra NAME=COMMAND  any command that serves $PORT before $ORIGIN_PORT, may be repeated
  --baseline NAME       whom the ratios refer to (default nginx)
  --foreign-max SHARE   repeat rounds in which others took more of a core (default 0.1)
  --write               put the table into README.md, between its markers
`;

const options = parseArgs({
  options: {
    ...selectionOptions,
    scenario: { type: 'string', multiple: true, default: ['small-get'] },
    rounds: { type: 'string', default: '5' },
    duration: { type: 'string', default: '3' },
    'warm-up': { type: 'string', default: '3' },
    baseline: { type: 'string', default: 'nginx' },
    'foreign-max': { type: 'string', default: '0.1' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
}).values;

if (options.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const contenders = selectContenders(options);
  const originNeeds = ['nginx', 'wrk', 'taskset'];
  requirePrograms([...new Set([...originNeeds, ...contenders.flatMap((each) => each.needs)])]);
  const results: ScenarioResult[] = [];
  for (const name of options.scenario) results.push(await runScenario(name, contenders));
  const versions = Object.fromEntries(contenders.map((each) => [each.name, each.version()]));
  const result = {
    machine: describeMachine(),
    versions: { ...versions, wrk: versionOf('wrk', ['-v']) ?? 'missing' },
    durationS: Number(options.duration),
    baseline: options.baseline,
    results,
  };
  const path = writeJson(new URL('./out/', import.meta.url), 'quick', result);
  process.stdout.write(`\nwritten: ${path}\n`);
  if (options.write) {
    writeFragment(new URL('../README.md', import.meta.url), 'quick', markdownFragment(result));
    process.stdout.write('written: README.md\n');
  }
}

async function runScenario(name: string, contenders: Contender[]): Promise<ScenarioResult> {
  const scenario = scenarioNamed(name);
  const workbench = new Workbench();
  try {
    const origin = await startOrigin(workbench, LOAD_CORE);
    const contestants = [];
    for (const contender of contenders) {
      const lane = {
        originPort: origin.port,
        upstreamConnections: Math.max(128, scenario.connections),
        core: PROXY_CORE,
      };
      contestants.push(await startContender(contender, workbench, lane));
    }
    process.stdout.write(`\n${scenario.title}\n`);
    const rounds = await runRounds({
      scenario,
      contestants,
      origin: origin.running,
      rounds: Number(options.rounds),
      durationS: Number(options.duration),
      warmUpS: Number(options['warm-up']),
      foreignShareMax: Number(options['foreign-max']),
      progress: (line) => process.stdout.write(`  ${line}\n`),
    });
    const names = contenders.map((each) => each.name);
    const rows = summarise(rounds, names, options.baseline);
    const disturbed = rounds.filter((each) => !each.quiet).length;
    process.stdout.write(`\n${terminalTable(tableCells(rows, options.baseline))}\n`);
    for (const line of roleLines(rows)) process.stdout.write(`CPU µs per request, ${line}\n`);
    if (disturbed > 0) process.stdout.write(`${disturbed} of the rounds were disturbed\n`);
    return { scenario, rows, rounds };
  } finally {
    await workbench.close();
  }
}
