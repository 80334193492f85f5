// One scenario: origin, Sluice and load generator, each on its cores, several rounds of load, and what the
// processes of Sluice spent in each.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ProcessUse, processTree } from '../native-bench/harness/cpu-account.ts';
import { median } from '../native-bench/harness/statistics.ts';
import { freePort, type Running, Workbench } from '../native-bench/harness/workbench.ts';
import {
  addHistograms,
  type LatencyPoint,
  type LoadResult,
  latencyCurve,
} from './load/load-result.ts';
import type { PerfOptions } from './options.ts';
import { runLoad } from './run-load.ts';
import {
  type GcPauses,
  type LoopDelay,
  pausesOf,
  readPauses,
  type Span,
  scrapeLoopDelays,
  worstDelays,
} from './runtime.ts';
import type { PerfScenario, Subject } from './scenario.ts';

/** What the processes of one role cost in one round. */
export interface RoleCost {
  readonly role: string;
  readonly processes: number;
  readonly cpuMicrosPerWork: number;
  readonly residentBytes: number;
  /** The most that each of them has ever had, summed up. */
  readonly peakBytes: number;
}

/** One round of load. */
export interface PerfRound {
  readonly perSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly roles: readonly RoleCost[];
}

export interface PerfRun {
  readonly scenario: string;
  readonly title: string;
  readonly unit: string;
  readonly cores: number;
  readonly connections: number;
  /** Of one round. */
  readonly durationS: number;
  readonly rate: number;
  readonly rounds: readonly PerfRound[];
  /** Over all rounds. */
  readonly work: number;
  readonly bytes: number;
  readonly meanMicros: number;
  readonly latency: readonly LatencyPoint[];
  readonly pauses: Readonly<Record<string, GcPauses | null>>;
  readonly loopDelays: Readonly<Record<string, LoopDelay>>;
}

/** A run, and what is only of use while its profiles are there. */
export interface Measured {
  readonly run: PerfRun;
  readonly spans: readonly Span[];
  readonly roles: ReadonlyMap<number, string>;
}

export const profileFolder = new URL('./out/profile/', import.meta.url);
const mainScript = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const gcHook = new URL('gc-hook.ts', import.meta.url);

/** Measures one scenario. Throws when any request failed; leaves nothing running either way. */
export async function measureScenario(
  scenario: PerfScenario,
  options: PerfOptions,
  progress: (line: string) => void,
): Promise<Measured> {
  const workbench = new Workbench();
  try {
    const cores = placeOnCores(options.cores);
    const subject = await scenario.prepare({ workbench, core: cores.load });
    const adminPort = await freePort();
    const lane = { port: await freePort(), adminPort, core: cores.proxy };
    const proxy = await startProxy(workbench, { subject, options, lane });
    const connections = options.connections > 0 ? options.connections : scenario.connections;
    const { rate, durationS, warmUpS } = options;
    const put = async (seconds: number, say: (line: string) => void): Promise<LoadResult> => {
      const place = { port: lane.port, core: cores.load, connections, rate, durationS: seconds };
      const load = await runLoad(scenario.load, place, say);
      const failed = load.errors + load.timeouts + load.non2xx;
      if (failed === 0 && load.work > 0) return load;
      const kinds = `${load.errors} errors, ${load.timeouts} time-outs, ${load.non2xx} not 2xx`;
      throw new Error(`${scenario.name}: ${load.work} done, ${kinds}\n${workbench.log('sluice')}`);
    };
    progress('warm-up');
    await put(warmUpS, () => {});
    const loads: LoadResult[] = [];
    const rounds: PerfRound[] = [];
    const spans: Span[] = [];
    const delays: Record<string, LoopDelay>[] = [];
    const roles = new Map<number, string>();
    for (let number = 1; number <= options.rounds; number += 1) {
      await scrapeLoopDelays(adminPort);
      const fromMs = Date.now();
      const before = processTree(proxy.pid);
      const load = await put(durationS, (line) => {
        progress(`round ${number}/${options.rounds}  ${line} ${scenario.unit}s/s`);
      });
      const after = processTree(proxy.pid);
      spans.push({ fromMs, toMs: Date.now() });
      delays.push(await scrapeLoopDelays(adminPort));
      for (const use of after) roles.set(use.pid, use.role);
      loads.push(load);
      rounds.push(roundOf(load, roleCosts(before, after, load.work)));
    }
    await proxy.stop();
    const run: PerfRun = {
      ...{ scenario: scenario.name, title: scenario.title, unit: scenario.unit },
      ...{ cores: options.cores, connections, durationS, rate, rounds },
      ...totals(loads),
      pauses: pausesByRole(workbench, [...new Set(roles.values())], spans),
      loopDelays: worstDelays(delays),
    };
    return { run, spans, roles };
  } finally {
    await workbench.close();
  }
}

/** Returns the median over the rounds of what a role costs. */
export function roleMedians(run: PerfRun): RoleCost[] {
  const first = run.rounds[0]?.roles ?? [];
  return first.map(({ role, processes }) => {
    const own = run.rounds.flatMap((round) => round.roles.filter((each) => each.role === role));
    return {
      role,
      processes,
      cpuMicrosPerWork: median(own.map((each) => each.cpuMicrosPerWork)),
      residentBytes: median(own.map((each) => each.residentBytes)),
      peakBytes: Math.max(...own.map((each) => each.peakBytes)),
    };
  });
}

/** The proxy gets the first cores and the load the last, while there are enough; else they share all. */
function placeOnCores(wanted: number): { proxy: string | null; load: number | null } {
  const last = availableParallelism() - 1;
  if (wanted > last) return { proxy: null, load: null };
  return { proxy: `0-${wanted - 1}`, load: last };
}

async function startProxy(
  workbench: Workbench,
  of: {
    subject: Subject;
    options: PerfOptions;
    lane: { port: number; adminPort: number; core: string | null };
  },
): Promise<Running> {
  const { subject, options, lane } = of;
  const { upstreams, routes, listener, more } = subject;
  const listeners = [{ host: '127.0.0.1', port: lane.port, ...listener }];
  const admin = { host: '127.0.0.1', port: lane.adminPort };
  const log = { level: 'warn', access: 'off' };
  const file = join(workbench.directory, 'sluice.json');
  const config = { listeners, upstreams, routes, admin, log, ...more };
  writeFileSync(file, JSON.stringify(config, null, 2));
  const running = workbench.start({
    name: 'sluice',
    program: process.execPath,
    args: [mainScript, 'run', file, '--cores', `${options.cores}`, ...options.proxyFlags],
    environment: nodeOptions(workbench, options),
    core: lane.core,
  });
  await workbench.accepting(running, lane.port);
  return running;
}

/** What Node is told to watch itself with; nothing when nothing was asked for. */
function nodeOptions(workbench: Workbench, options: PerfOptions): Record<string, string> {
  const flags: string[] = [];
  const environment: Record<string, string> = {};
  if (options.gc) {
    environment['BENCH_GC_FOLDER'] = gcFolder(workbench);
    mkdirSync(gcFolder(workbench));
    flags.push(`--import=${gcHook.href}`);
  }
  if (options.profile) {
    mkdirSync(profileFolder, { recursive: true });
    flags.push('--cpu-prof', `--cpu-prof-dir=${fileURLToPath(profileFolder)}`);
  }
  return flags.length === 0 ? {} : { ...environment, NODE_OPTIONS: flags.join(' ') };
}

function gcFolder(workbench: Workbench): string {
  return join(workbench.directory, 'gc');
}

function pausesByRole(
  workbench: Workbench,
  roles: readonly string[],
  spans: readonly Span[],
): Record<string, GcPauses | null> {
  const folder = gcFolder(workbench);
  if (!existsSync(folder) || readdirSync(folder).length === 0) return {};
  const records = readPauses(folder);
  return Object.fromEntries(roles.map((role) => [role, pausesOf(records, role, spans)]));
}

function roundOf(load: LoadResult, roles: RoleCost[]): PerfRound {
  const histogram = addHistograms([load.histogram]);
  return {
    perSecond: load.work / load.seconds,
    p50Micros: histogram.getValueAtPercentile(50),
    p99Micros: histogram.getValueAtPercentile(99),
    roles,
  };
}

function totals(
  loads: readonly LoadResult[],
): Pick<PerfRun, 'work' | 'bytes' | 'meanMicros' | 'latency'> {
  const histogram = addHistograms(loads.map((each) => each.histogram));
  return {
    work: loads.reduce((sum, each) => sum + each.work, 0),
    bytes: loads.reduce((sum, each) => sum + each.bytes, 0),
    meanMicros: histogram.mean,
    latency: latencyCurve(histogram),
  };
}

function roleCosts(
  before: readonly ProcessUse[],
  after: readonly ProcessUse[],
  work: number,
): RoleCost[] {
  const names = [...new Set(after.map((use) => use.role))].toSorted();
  return names.map((role) => {
    const own = after.filter((use) => use.role === role);
    const spent = own.reduce((sum, use) => {
      const earlier = before.find((each) => each.pid === use.pid)?.cpuMicros ?? 0;
      return sum + use.cpuMicros - earlier;
    }, 0);
    return {
      role,
      processes: own.length,
      cpuMicrosPerWork: spent / work,
      residentBytes: own.reduce((sum, use) => sum + use.residentBytes, 0),
      peakBytes: own.reduce((sum, use) => sum + use.peakBytes, 0),
    };
  });
}
