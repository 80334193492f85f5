// `make perf`: Sluice measured by itself. Prints tables, writes JSON and an SVG into perf/out/.
// Comparison with other proxies is native-bench's business.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describeMachine, requirePrograms } from '../native-bench/harness/machine.ts';
import { scenarioNamed } from '../native-bench/scenarios.ts';
import { measureScenario, type PerfRun, profileFolder } from './measure.ts';
import { HELP, type PerfOptions, readOptions } from './options.ts';
import { describeChange, describeRun } from './print.ts';
import { type Curve, latencySvg } from './svg.ts';

const folder = new URL('./out/', import.meta.url);

const options = readOptions(process.argv.slice(2), process.env);
if (options === null) process.stdout.write(HELP);
else await main(options);

async function main(given: PerfOptions): Promise<void> {
  requirePrograms(['nginx', 'taskset']);
  const scenarios = given.scenarioNames.map(scenarioNamed);
  const earlier = given.compareFile === null ? [] : readRuns(given.compareFile);
  const machine = describeMachine();
  mkdirSync(folder, { recursive: true });
  const runs: PerfRun[] = [];
  for (const scenario of scenarios) {
    process.stdout.write(`${scenario.title}\n`);
    const run = await measureScenario(scenario, given, (line) => {
      process.stdout.write(`  ${line}\n`);
    });
    process.stdout.write(`\n${describeRun(run)}\n`);
    const before = earlier.find((each) => each.scenario === run.scenario);
    if (before !== undefined) process.stdout.write(`${describeChange(run, before)}\n`);
    const curves: Curve[] = [{ label: machine.commit, points: run.load.latency }];
    if (before !== undefined) curves.push({ label: 'earlier run', points: before.load.latency });
    const rate = `${Math.round(run.load.requestsPerSecond)} requests/s`;
    const subtitle = `workers: ${run.cores}, ${rate}, ${machine.date}`;
    const svg = new URL(`${run.scenario}.svg`, folder);
    writeFileSync(svg, latencySvg(`Latency: ${run.title}`, subtitle, curves));
    process.stdout.write(`written: ${svg.pathname}\n`);
    runs.push(run);
  }
  const json = new URL(`${new Date().toISOString().replace(/[:.]/g, '-')}.json`, folder);
  writeFileSync(json, `${JSON.stringify({ machine, runs }, null, 2)}\n`);
  process.stdout.write(`written: ${json.pathname}\n`);
  if (given.profile) process.stdout.write(`profiles: ${profileFolder.pathname}\n`);
}

function readRuns(file: string): PerfRun[] {
  return (JSON.parse(readFileSync(file, 'utf8')) as { runs: PerfRun[] }).runs;
}
