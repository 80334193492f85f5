// One run: origin, Sluice and load generator, each on its cores, and what the processes of Sluice spent
// between the first and the last request.

import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sluiceCommand } from '../native-bench/contenders.ts';
import { type ProcessUse, processTree } from '../native-bench/harness/cpu-account.ts';
import { startOrigin } from '../native-bench/harness/origin.ts';
import { freePort, type Running, Workbench } from '../native-bench/harness/workbench.ts';
import type { Scenario } from '../native-bench/scenarios.ts';
import type { LoadLine, LoadOrders, LoadResult } from './load.ts';
import type { PerfOptions } from './options.ts';

/** What the processes of one role cost, per request and at the end. */
export interface RoleCost {
  readonly role: string;
  readonly processes: number;
  readonly cpuMicrosPerRequest: number;
  readonly residentBytes: number;
}

export interface PerfRun {
  readonly scenario: string;
  readonly title: string;
  readonly cores: number;
  readonly connections: number;
  readonly durationS: number;
  readonly rate: number;
  readonly load: LoadResult;
  readonly roles: readonly RoleCost[];
}

export const profileFolder = new URL('./out/profile/', import.meta.url);
const loadScript = fileURLToPath(new URL('load.ts', import.meta.url));

/** Measures one scenario. Throws when any request failed; leaves nothing running either way. */
export async function measureScenario(
  scenario: Scenario,
  options: PerfOptions,
  progress: (line: string) => void,
): Promise<PerfRun> {
  const workbench = new Workbench();
  try {
    const cores = placeOnCores(options.cores);
    const origin = await startOrigin(workbench, cores.load);
    const port = await freePort();
    const lane = { port, originPort: origin.port, adminPort: await freePort() };
    const proxy = await startProxy(workbench, options, { ...lane, core: cores.proxy });
    const connections = options.connections > 0 ? options.connections : scenario.connections;
    const orders = (durationS: number): LoadOrders => ({
      url: `http://127.0.0.1:${port}${scenario.path}`,
      connections,
      durationS,
      method: scenario.method,
      headers: Object.fromEntries(scenario.headers.map(splitHeader)),
      bodyBytes: scenario.requestBodyBytes,
      rate: options.rate,
    });
    progress('warm-up');
    await runLoad(orders(options.warmUpS), cores.load, () => {});
    const before = processTree(proxy.pid);
    const load = await runLoad(orders(options.durationS), cores.load, progress);
    const after = processTree(proxy.pid);
    const failed = load.errors + load.timeouts + load.non2xx;
    if (failed > 0 || load.requests === 0) {
      const kinds = `${load.errors} errors, ${load.timeouts} time-outs, ${load.non2xx} not 2xx`;
      throw new Error(`${scenario.name}: ${kinds}\n${workbench.log(proxy.name)}`);
    }
    const { name, title } = scenario;
    const { durationS, rate } = options;
    const roles = roleCosts(before, after, load.requests);
    return {
      scenario: name,
      title,
      cores: options.cores,
      connections,
      durationS,
      rate,
      load,
      roles,
    };
  } finally {
    await workbench.close();
  }
}

/** The proxy gets the first cores and the load the last, while there are enough; else they share all. */
function placeOnCores(wanted: number): { proxy: string | null; load: number | null } {
  const last = availableParallelism() - 1;
  if (wanted > last) return { proxy: null, load: null };
  return { proxy: `0-${wanted - 1}`, load: last };
}

async function startProxy(
  workbench: Workbench,
  options: PerfOptions,
  lane: { port: number; originPort: number; adminPort: number; core: string | null },
): Promise<Running> {
  const command = sluiceCommand(lane, ['--cores', `${options.cores}`, ...options.proxyFlags]);
  const environment: Record<string, string> = { ...command.environment };
  if (options.profile) {
    mkdirSync(profileFolder, { recursive: true });
    const folder = fileURLToPath(profileFolder);
    environment['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-dir=${folder}`;
  }
  const running = workbench.start({ ...command, environment, name: 'sluice', core: lane.core });
  await workbench.accepting(running, lane.port);
  return running;
}

/** Runs the load generator; rejects when it fails or hangs 20 s beyond its duration. */
function runLoad(
  orders: LoadOrders,
  core: number | null,
  progress: (line: string) => void,
): Promise<LoadResult> {
  const args = [loadScript, JSON.stringify(orders)];
  const pinned = core === null ? [] : ['taskset', '-c', `${core}`];
  const [program = '', ...rest] = [...pinned, process.execPath, ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
    const deadline = setTimeout(() => child.kill('SIGKILL'), (orders.durationS + 20) * 1000);
    let result: LoadResult | null = null;
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as LoadLine;
      if ('result' in line) result = line.result;
      else {
        const { second, requestsPerSecond } = line.progress;
        progress(`${second}/${orders.durationS} s  ${requestsPerSecond} requests/s`);
      }
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(deadline);
      if (result === null) reject(new Error('the load generator ended without a result'));
      else resolve(result);
    });
  });
}

function roleCosts(
  before: readonly ProcessUse[],
  after: readonly ProcessUse[],
  requests: number,
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
      cpuMicrosPerRequest: spent / requests,
      residentBytes: own.reduce((sum, use) => sum + use.residentBytes, 0),
    };
  });
}

function splitHeader(header: string): [string, string] {
  const at = header.indexOf(': ');
  return [header.slice(0, at), header.slice(at + 2)];
}
