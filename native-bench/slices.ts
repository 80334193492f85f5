// The fine instrument for before and after: all contenders and their load generators live at the same
// time, and take turns of a fraction of a second; whoever is not on is stopped with SIGSTOP. What the
// machine does besides hits neighbouring turns alike, so that a few per cent become visible where
// rounds of seconds show only noise. It gives CPU per request alone; latency and rate need rounds.

import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestant } from './contender.ts';
import { processTree } from './harness/cpu-account.ts';
import type { Origin } from './harness/origin.ts';
import { shuffled } from './harness/statistics.ts';
import type { Running, Workbench } from './harness/workbench.ts';
import { closedLoopCommand } from './load-runner.ts';
import type { Scenario } from './scenario.ts';

export interface SlicesPlan {
  readonly workbench: Workbench;
  readonly scenario: Scenario;
  readonly contestants: readonly Contestant[];
  readonly origin: Origin;
  readonly loadCore: number;
  readonly turns: number;
  readonly turnMs: number;
  /** Turns of each contender before those that count. */
  readonly warmUpTurns: number;
  readonly progress: (line: string) => void;
}

/** One turn of one contender. */
export interface Turn {
  readonly name: string;
  readonly number: number;
  readonly requests: number;
  readonly cpuMicrosPerRequest: number;
  /** Share of the turn in which the proxy had work and somebody else had its core, 0–1; 1: no answer. */
  readonly foreignShare: number;
}

/** Time for what is under way to arrive, so that CPU and requests are both read at rest. */
const DRAIN_MS = 15;

/** On a busy machine a turn may pass without one answer; so many in a row mean that it is broken. */
const SILENT_TURNS_MAX = 20;

/** Lets the contenders take turns. The workbench stops everything afterwards. */
export async function runSlices(plan: SlicesPlan): Promise<Turn[]> {
  const loads = new Map<string, Running>();
  for (const contestant of plan.contestants) {
    const load = startLoad(plan, contestant);
    loads.set(contestant.name, load);
    await sleep(plan.turnMs);
    process.kill(load.pid, 'SIGSTOP');
  }
  await sleep(DRAIN_MS);
  const turns: Turn[] = [];
  const silent = new Map<Contestant, number>();
  for (let number = 1 - plan.warmUpTurns; number <= plan.turns; number += 1) {
    for (const contestant of shuffled(plan.contestants, number + plan.warmUpTurns)) {
      const load = loads.get(contestant.name);
      if (load === undefined) continue;
      const turn = await takeTurn(plan, contestant, { load, number });
      silent.set(contestant, turn.requests > 0 ? 0 : (silent.get(contestant) ?? 0) + 1);
      if (silent.get(contestant) === SILENT_TURNS_MAX) {
        const { name } = contestant;
        throw new Error(`${name} no longer answers:\n${plan.workbench.log(name)}`);
      }
      if (number > 0) turns.push(turn);
    }
    if (number % 20 === 0) plan.progress(`turn ${number} of ${plan.turns}`);
  }
  for (const load of loads.values()) process.kill(load.pid, 'SIGCONT');
  return turns;
}

function startLoad(plan: SlicesPlan, contestant: Contestant): Running {
  const { scenario, loadCore: core } = plan;
  const command = closedLoopCommand({ scenario, port: contestant.port, durationS: 3600, core });
  return plan.workbench.start({ ...command, name: `load-${contestant.name}`, core });
}

async function takeTurn(
  plan: SlicesPlan,
  contestant: Contestant,
  turn: { load: Running; number: number },
): Promise<Turn> {
  const requestsBefore = await originRequests(plan.origin.port);
  const before = useOf(contestant);
  process.kill(turn.load.pid, 'SIGCONT');
  await sleep(plan.turnMs);
  process.kill(turn.load.pid, 'SIGSTOP');
  await sleep(DRAIN_MS);
  const after = useOf(contestant);
  // The reading itself is one request at the origin.
  const requests = (await originRequests(plan.origin.port)) - requestsBefore - 1;
  const waitedMicros = after.waitedMicros - before.waitedMicros;
  return {
    name: contestant.name,
    number: turn.number,
    requests,
    cpuMicrosPerRequest: (after.cpuMicros - before.cpuMicros) / requests,
    foreignShare: requests > 0 ? waitedMicros / 1000 / plan.turnMs : 1,
  };
}

/** CPU of all processes; waiting of the one that works most, which waits only for strangers. */
function useOf(contestant: Contestant): { cpuMicros: number; waitedMicros: number } {
  const uses = processTree(contestant.running.pid);
  const busiest = uses.toSorted((a, b) => b.cpuMicros - a.cpuMicros)[0];
  const cpuMicros = uses.reduce((sum, use) => sum + use.cpuMicros, 0);
  return { cpuMicros, waitedMicros: busiest?.waitedMicros ?? 0 };
}

/** Returns how many requests the origin has answered: every proxied request is one of them. */
function originRequests(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path: '/status' }, (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(Number(/^ \d+ \d+ (\d+)/m.exec(text)?.[1])));
    });
    request.setTimeout(10_000, () => request.destroy(new Error('the origin hangs')));
    request.on('error', reject);
  });
}
