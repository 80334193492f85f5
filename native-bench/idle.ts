// What an idle connection costs in memory: how much the proxy's processes grow by 10,000 clients that
// have had one answer each and then keep still. Every measurement is on processes of its own, because
// memory that was needed once stays.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../src/std/message-of.ts';
import { type Contender, startContender } from './contender.ts';
import { processTree } from './harness/cpu-account.ts';
import { startOrigin } from './harness/origin.ts';
import { Workbench } from './harness/workbench.ts';
import type { IdleOrders } from './load/idle-load.ts';
import { runWrk } from './load/wrk.ts';
import type { Dropout } from './rounds.ts';
import type { Scenario } from './scenario.ts';

/** Growth of all processes of one contender, one figure a round. */
export interface IdleRow {
  readonly name: string;
  readonly residentBytesBefore: readonly number[];
  readonly bytesPerConnection: readonly number[];
}

export interface IdlePlan {
  readonly scenario: Scenario;
  readonly contenders: readonly Contender[];
  readonly rounds: number;
  readonly proxyCore: number;
  readonly loadCore: number;
  readonly progress: (line: string) => void;
}

const script = fileURLToPath(new URL('load/idle-load.ts', import.meta.url));
/**
 * Connections, buffers and the heap of a proxy at work are no growth: so much work comes first. After 1 s
 * V8's heap still grew by what 10,000 requests leave behind, 0.8 KB for each.
 */
const WARM_UP_S = 6;
const OPENING_DEADLINE_MS = 60_000;
/** Sluice's engine closes idle clients after about ten seconds: look before that. */
const SETTLE_MS = 500;

/** Measures all contenders in turn, `rounds` times. Who loses a connection is out. */
export async function measureIdle(
  plan: IdlePlan,
): Promise<{ rows: IdleRow[]; dropouts: Dropout[] }> {
  const dropouts: Dropout[] = [];
  const found = new Map(plan.contenders.map((each) => [each.name, [] as [number, number][]]));
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const contender of plan.contenders) {
      const { name } = contender;
      if (dropouts.some((each) => each.name === name)) continue;
      try {
        const [before, growth] = await measureOnce(plan, contender);
        found.get(name)?.push([before, growth]);
        const bytes = Math.round(growth);
        plan.progress(`round ${round}/${plan.rounds} ${name}: ${bytes} bytes per connection`);
      } catch (error) {
        const reason = messageOf(error);
        dropouts.push({ name, reason });
        plan.progress(`${name} is out: ${reason}`);
      }
    }
  }
  const rows = [...found]
    .filter(([name]) => !dropouts.some((each) => each.name === name))
    .map(([name, figures]) => ({
      name,
      residentBytesBefore: figures.map(([before]) => before),
      bytesPerConnection: figures.map(([, growth]) => growth),
    }));
  return { rows, dropouts };
}

async function measureOnce(plan: IdlePlan, contender: Contender): Promise<[number, number]> {
  const { scenario, proxyCore, loadCore } = plan;
  const workbench = new Workbench();
  try {
    const origin = await startOrigin(workbench, loadCore);
    const contestant = await startContender(contender, workbench, {
      originPort: origin.port,
      upstreamConnections: 128,
      core: proxyCore,
    });
    const { port } = contestant;
    const warmUp = { ...scenario, connections: 64 };
    await runWrk({ scenario: warmUp, port, durationS: WARM_UP_S, core: loadCore });
    const before = residentBytes(contestant.running.pid);
    const { path, connections } = scenario;
    const crowd = new Crowd({ port, path, connections }, loadCore);
    try {
      const standing = await crowd.standing();
      if (standing < connections) throw new Error(`only ${standing} connections stand`);
      await sleep(SETTLE_MS);
      return [before, (residentBytes(contestant.running.pid) - before) / connections];
    } finally {
      await crowd.leave();
    }
  } finally {
    await workbench.close();
  }
}

/** The process that holds the idle connections. */
class Crowd {
  readonly #child: ChildProcess;

  constructor(orders: IdleOrders, core: number) {
    const args = ['-c', `${core}`, process.execPath, script, JSON.stringify(orders)];
    this.#child = spawn('taskset', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  /** Resolves with the number of open connections once all have been tried. */
  standing(): Promise<number> {
    return new Promise((resolve, reject) => {
      const late = new Error(`not all connections after ${OPENING_DEADLINE_MS / 1000} s`);
      const deadline = setTimeout(reject, OPENING_DEADLINE_MS, late);
      this.#child.once('close', () => {
        clearTimeout(deadline);
        reject(new Error('the idle clients have gone'));
      });
      createInterface({ input: this.#child.stdout! }).on('line', (line) => {
        clearTimeout(deadline);
        resolve(Number(/^READY (\d+)/.exec(line)?.[1]));
      });
    });
  }

  async leave(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }
}

function residentBytes(pid: number): number {
  return processTree(pid).reduce((sum, use) => sum + use.residentBytes, 0);
}
