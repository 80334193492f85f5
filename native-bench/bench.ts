// `make bench`: Sluice side by side with other proxies on this machine, in interleaved rounds. The proxy
// under test has core 0 for itself; load generator and origin share core 1. Prints tables, writes JSON,
// and with --write the page docs/benchmark.md. `node native-bench/bench.ts --help`.

import {
  type BenchOptions,
  castOf,
  estimateS,
  HELP,
  idleRounds,
  readBenchOptions,
} from './bench-options.ts';
import { mergeResults, readResults, type ScenarioResult } from './bench-result.ts';
import { type Contender, startContender } from './contender.ts';
import { describeMachine, requirePrograms, versionOf } from './harness/machine.ts';
import { startOrigin, startWebSocketOrigin } from './harness/origin.ts';
import { Workbench } from './harness/workbench.ts';
import { measureIdle } from './idle.ts';
import { loadRunner } from './load-runner.ts';
import { writePage } from './page.ts';
import { idleCells, roleLines, tableCells, terminalTable, writeJson } from './report.ts';
import { LOAD_CORE, PROXY_CORE, runRounds } from './rounds.ts';
import { type Scenario, upstreamConnectionsOf } from './scenario.ts';
import { scenarios } from './scenarios.ts';
import { summarise } from './summary.ts';
import { judge, targetCells } from './targets.ts';

const folder = new URL('./out/', import.meta.url);

const options = readBenchOptions(process.argv.slice(2), process.env);
if (options === null) process.stdout.write(HELP);
else await main(options);

async function main(given: BenchOptions): Promise<void> {
  const earlier = readResults(new URL('bench.json', folder));
  const names = scenarios.map((each) => each.name);
  const { baseline } = given;
  if (given.isRendering) {
    say(
      `written: ${writePage({ baseline, results: mergeResults(earlier, [], names) }).join(', ')}`,
    );
    return;
  }
  requirePrograms(['nginx', 'wrk', 'taskset']);
  const fresh: ScenarioResult[] = [];
  const startedMs = Date.now();
  for (const [at, scenario] of given.scenarios.entries()) {
    sayEstimate(given, at);
    fresh.push(await runScenario(scenario, given));
    const results = mergeResults(given.isKeeping ? earlier : [], fresh, names);
    writeJson(folder, 'bench', { baseline, results });
  }
  const results = mergeResults(given.isKeeping ? earlier : [], fresh, names);
  const verdicts = judge(results);
  if (verdicts.length > 0) say(`\n${terminalTable(targetCells(verdicts))}`);
  say(
    `\n${minutes((Date.now() - startedMs) / 1000)}; written: ${new URL('bench.json', folder).pathname}`,
  );
  if (given.isWriting) say(`written: ${writePage({ baseline, results }).join(', ')}`);
  const lost = fresh.flatMap((each) => each.absent.filter((one) => one.name.startsWith('sluice')));
  if (lost.length > 0) process.exitCode = 1;
}

async function runScenario(scenario: Scenario, given: BenchOptions): Promise<ScenarioResult> {
  const { present, absent } = castOf(scenario, given);
  say(`\n${scenario.name}: ${scenario.title}`);
  for (const { name, reason } of absent) say(`  without ${name}: ${reason}`);
  const versions = Object.fromEntries(present.map((each) => [each.name, each.version()]));
  const common = {
    scenario,
    machine: describeMachine(),
    versions: { ...versions, ...loadVersion(scenario) },
    durationS: given.durationS,
  };
  if (scenario.kind === 'idle') {
    const { rows, dropouts } = await measureIdle({
      scenario,
      contenders: present,
      rounds: idleRounds(given.rounds),
      proxyCore: PROXY_CORE,
      loadCore: LOAD_CORE,
      progress: (line) => say(`  ${line}`),
    });
    say(`\n${terminalTable(idleCells(rows, given.baseline))}`);
    const none = { rows: [], rounds: [], disturbedRounds: 0 };
    return { ...common, ...none, idle: rows, absent: [...absent, ...dropouts] };
  }
  const measured = await measureRounds(scenario, present, given);
  return { ...common, ...measured, idle: [], absent: [...absent, ...measured.absent] };
}

async function measureRounds(
  scenario: Scenario,
  contenders: readonly Contender[],
  given: BenchOptions,
): Promise<Pick<ScenarioResult, 'rows' | 'rounds' | 'disturbedRounds' | 'absent'>> {
  const workbench = new Workbench();
  const isShared = scenario.workers > 1 || scenario.kind === 'beside';
  const both = `${PROXY_CORE},${LOAD_CORE}`;
  const [proxyCore, loadCore] = isShared ? [both, both] : [PROXY_CORE, LOAD_CORE];
  try {
    const startIt = scenario.kind === 'web-socket' ? startWebSocketOrigin : startOrigin;
    const origin = await startIt(workbench, loadCore);
    const contestants = [];
    const unstarted = [];
    for (const contender of contenders) {
      for (const { suffix, accessLog, work, beside } of scenario.variants) {
        const as = `${contender.name}${suffix}`;
        const upstreamConnections = upstreamConnectionsOf(scenario);
        const { workers, wire } = scenario;
        const start = {
          ...{ as, originPort: origin.port, upstreamConnections },
          ...{ workers, accessLog, work, wire, beside },
        };
        try {
          contestants.push(
            await startContender(contender, workbench, { ...start, core: proxyCore }),
          );
        } catch (error) {
          unstarted.push({ name: as, reason: String(error) });
          say(`  without ${as}: ${String(error)}`);
        }
      }
    }
    const { rounds, dropouts } = await runRounds({
      contestants,
      origin: origin.running,
      load: loadRunner(scenario, { core: loadCore, directory: workbench.directory }),
      isShared,
      rounds: given.rounds,
      durationS: given.durationS,
      warmUpS: given.warmUpS,
      foreignShareMax: given.foreignShareMax,
      progress: (line) => say(`  ${line}`),
    });
    const names = contestants.map((each) => each.name);
    const rows = summarise(rounds, names, given.baseline);
    const disturbedRounds = rounds.filter((each) => !each.quiet).length;
    say(`\n${terminalTable(tableCells(rows, given.baseline))}`);
    for (const line of roleLines(rows)) say(`CPU µs per request, ${line}`);
    if (disturbedRounds > 0) say(`${disturbedRounds} of the rounds were disturbed`);
    return { rows, rounds, disturbedRounds, absent: [...unstarted, ...dropouts] };
  } finally {
    await workbench.close();
  }
}

/** Says how far the bench is and when it ends. */
function sayEstimate(given: BenchOptions, at: number): void {
  const left = given.scenarios.slice(at).map((scenario) => estimateS(scenario, given));
  const expected = left.reduce((sum, each) => sum + each.expected, 0);
  const most = left.reduce((sum, each) => sum + each.most, 0);
  const end = new Date(Date.now() + expected * 1000).toTimeString().slice(0, 5);
  const place = `scenario ${at + 1} of ${given.scenarios.length}`;
  say(`\n${place}; ${minutes(expected)} left (at most ${minutes(most)}), ends about ${end}`);
}

function loadVersion(scenario: Scenario): Record<string, string> {
  const { kind, wire } = scenario;
  if (kind === 'web-socket' || kind === 'handshake' || kind === 'resumption') return {};
  const h2load = { h2load: versionOf('h2load', ['--version']) ?? 'missing' };
  if (wire === 'h2') return h2load;
  const wrk = { wrk: versionOf('wrk', ['-v']) ?? 'missing' };
  return kind === 'open-loop' ? { ...wrk, ...h2load } : wrk;
}

function minutes(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
