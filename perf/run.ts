// `make perf`: Sluice measured by itself. Prints tables, writes JSON and an SVG into perf/out/, and with
// --profile a flame graph of each of its processes. Comparison with other proxies is native-bench's.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describeMachine, requirePrograms } from '../native-bench/harness/machine.ts';
import { flameSvg } from './flame-svg.ts';
import { type Measured, measureScenario, type PerfRun, profileFolder } from './measure.ts';
import { HELP, type PerfOptions, readOptions } from './options.ts';
import { describeChange, describeRun } from './print.ts';
import { foldProfile, readProfile, selfTimes } from './profile.ts';
import type { Span } from './runtime.ts';
import { perfScenarioNamed } from './scenarios.ts';
import { type Curve, latencySvg } from './svg.ts';

const folder = new URL('./out/', import.meta.url);
/** So many of the costliest functions are told on the terminal. */
const COSTLIEST = 12;

const options = readOptions(process.argv.slice(2), process.env);
if (options === null) process.stdout.write(HELP);
else await main(options);

async function main(given: PerfOptions): Promise<void> {
  requirePrograms(['nginx', 'taskset']);
  const scenarios = given.scenarioNames.map(perfScenarioNamed);
  const earlier = given.compareFile === null ? [] : readRuns(given.compareFile);
  const machine = describeMachine();
  mkdirSync(folder, { recursive: true });
  if (given.profile) rmSync(profileFolder, { recursive: true, force: true });
  const seconds = given.warmUpS + given.rounds * given.durationS + 4;
  const runs: PerfRun[] = [];
  for (const [at, scenario] of scenarios.entries()) {
    const left = Math.ceil((seconds * (scenarios.length - at)) / 60);
    say(`${at + 1}/${scenarios.length} ${scenario.title}; about ${left} min left`);
    const measured = await measureScenario(scenario, given, (line) => say(`  ${line}`));
    const { run } = measured;
    say(`\n${describeRun(run)}`);
    const before = earlier.find((each) => isComparable(each, run));
    if (before === undefined && earlier.length > 0)
      say('no earlier run of this kind to compare with');
    if (before !== undefined) say(describeChange(run, before));
    const curves: Curve[] = [{ label: machine.commit, points: run.latency }];
    if (before !== undefined) curves.push({ label: 'earlier run', points: before.latency });
    const subtitle = `workers: ${run.cores}, ${run.connections} connections, ${machine.date}`;
    const svg = new URL(`${run.scenario}.svg`, folder);
    writeFileSync(svg, latencySvg(`Latency: ${run.title}`, subtitle, curves));
    say(`written: ${svg.pathname}`);
    if (given.profile) drawProfiles(measured);
    runs.push(run);
  }
  const json = new URL(`${new Date().toISOString().replace(/[:.]/g, '-')}.json`, folder);
  writeFileSync(json, `${JSON.stringify({ machine, runs }, null, 2)}\n`);
  say(`written: ${json.pathname}`);
}

/** Names the profiles after scenario and role, and draws each. */
function drawProfiles({ run, spans, roles }: Measured): void {
  // CPU.DATE.TIME.PID.THREAD.NUMBER.cpuprofile is what Node calls them.
  const files = readdirSync(profileFolder).filter((name) => name.startsWith('CPU.'));
  for (const name of files.toSorted()) {
    const [, , , pid = '', thread] = name.split('.');
    const role = roles.get(Number(pid));
    if (role === undefined || thread !== '0') continue;
    const base = `${run.scenario}-${role}-${pid}`;
    const file = new URL(`${base}.cpuprofile`, profileFolder);
    renameSync(new URL(name, profileFolder), file);
    const root = foldProfile(readProfile(file), monotonic(spans));
    const svg = new URL(`${base}.svg`, profileFolder);
    const busy = `${(root.totalMicros / 1000).toFixed(0)} ms of work`;
    writeFileSync(svg, flameSvg(`${role}: ${run.title}`, `${busy} while measured`, root));
    say(`written: ${svg.pathname}`);
    if (role !== 'worker') continue;
    for (const { name: frame, micros } of selfTimes(root).slice(0, COSTLIEST)) {
      say(`  ${((100 * micros) / root.totalMicros).toFixed(1).padStart(5)} %  ${frame}`);
    }
  }
}

/** Profiles count on the monotonic clock, spans on the wall's. */
function monotonic(spans: readonly Span[]): Span[] {
  const offsetMs = Number(process.hrtime.bigint() / 1000n) / 1000 - Date.now();
  return spans.map(({ fromMs, toMs }) => ({ fromMs: fromMs + offsetMs, toMs: toMs + offsetMs }));
}

function isComparable(one: PerfRun, other: PerfRun): boolean {
  const keys = ['scenario', 'cores', 'connections', 'rate'] as const;
  return keys.every((key) => one[key] === other[key]);
}

function readRuns(file: string): PerfRun[] {
  const { runs } = JSON.parse(readFileSync(file, 'utf8')) as { runs: PerfRun[] };
  if (runs.every((run) => Array.isArray(run.rounds))) return runs;
  throw new Error(`${file} is of an older kind of run, which can't be compared`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
