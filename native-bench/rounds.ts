// Measures contenders against each other in interleaved rounds, so that what the machine does besides
// hits all of them alike, and sorts out rounds in which it did too much.

import { messageOf } from '../src/std/message-of.ts';
import type { Contestant } from './contender.ts';
import {
  coreTicks,
  processTree,
  reapedChildrenMicros,
  TICK_MICROS,
} from './harness/cpu-account.ts';
import { rotated } from './harness/statistics.ts';
import type { Running } from './harness/workbench.ts';
import type { LoadReport } from './load/load-report.ts';
import type { RunLoad } from './load-runner.ts';

/** The cores: one for the proxy under test, one for origin and load together. */
export const PROXY_CORE = 0;
export const LOAD_CORE = 1;

/** One contender in one round. */
export interface Measurement {
  readonly name: string;
  readonly load: LoadReport;
  readonly cpuMicrosPerRequest: number;
  /** The same, apart by process role. */
  readonly roleMicrosPerRequest: Record<string, number>;
  readonly requestsPerSecond: number;
  readonly residentBytes: number;
  /** Share of the two cores, 0–1, that others took meanwhile: the larger of the two. */
  readonly foreignShare: number;
}

/** All contenders once, one after the other. */
export interface Round {
  readonly number: number;
  readonly measurements: readonly Measurement[];
  readonly quiet: boolean;
}

export interface RoundsPlan {
  readonly contestants: readonly Contestant[];
  readonly origin: Running;
  readonly load: RunLoad;
  /** Whether proxy, origin and load share the cores; else each side has its own. */
  readonly isShared: boolean;
  readonly rounds: number;
  readonly durationS: number;
  readonly warmUpS: number;
  /** Rounds in which others took a larger share of a core are measured again, at most half as many. */
  readonly foreignShareMax: number;
  readonly progress: (line: string) => void;
}

/** A contestant that failed, and how; it has no part in the rounds. */
export interface Dropout {
  readonly name: string;
  readonly reason: string;
}

export interface RoundsResult {
  readonly rounds: readonly Round[];
  readonly dropouts: readonly Dropout[];
}

/** Runs warm-up and rounds; at most half as many again as asked for. Who fails a request is out. */
export async function runRounds(plan: RoundsPlan): Promise<RoundsResult> {
  const dropouts: Dropout[] = [];
  const attempt = async (contestant: Contestant, durationS: number) => {
    if (dropouts.some((each) => each.name === contestant.name)) return null;
    try {
      return await measure(plan, contestant, durationS);
    } catch (error) {
      const reason = messageOf(error);
      dropouts.push({ name: contestant.name, reason });
      plan.progress(`${contestant.name} is out: ${reason}`);
      return null;
    }
  };
  for (const contestant of plan.contestants) {
    plan.progress(`warm-up ${contestant.name}`);
    await attempt(contestant, plan.warmUpS);
  }
  const rounds: Round[] = [];
  for (let number = 1; number <= roundsMax(plan.rounds); number += 1) {
    if (rounds.filter((each) => each.quiet).length >= plan.rounds) break;
    const measurements: Measurement[] = [];
    for (const contestant of rotated(plan.contestants, number)) {
      const measurement = await attempt(contestant, plan.durationS);
      if (measurement === null) continue;
      measurements.push(measurement);
      plan.progress(`round ${number}/${plan.rounds} ${describe(measurement)}`);
    }
    const quiet = measurements.every((each) => each.foreignShare <= plan.foreignShareMax);
    if (!quiet) plan.progress(`round ${number} was disturbed by other work`);
    rounds.push({ number, measurements, quiet });
  }
  return { rounds: chosen(without(rounds, dropouts), plan.rounds), dropouts };
}

/** Leaves out what dropouts did before they failed: rounds are compared as a whole. */
function without(rounds: readonly Round[], dropouts: readonly Dropout[]): Round[] {
  const isOut = (name: string): boolean => dropouts.some((each) => each.name === name);
  return rounds.map((round) => ({
    ...round,
    measurements: round.measurements.filter((each) => !isOut(each.name)),
  }));
}

/** Returns how many rounds there can be when the machine is not quiet. */
export function roundsMax(rounds: number): number {
  return rounds + Math.ceil(rounds / 2);
}

/** Prefers quiet rounds; where there are too few, takes the least disturbed of the rest. */
function chosen(rounds: readonly Round[], count: number): Round[] {
  const disturbance = (round: Round): number =>
    Math.max(0, ...round.measurements.map((each) => each.foreignShare));
  return rounds.toSorted((a, b) => disturbance(a) - disturbance(b)).slice(0, count);
}

async function measure(
  plan: RoundsPlan,
  contestant: Contestant,
  durationS: number,
): Promise<Measurement> {
  const before = snapshot(plan, contestant);
  const load = await plan.load(contestant, durationS);
  const after = snapshot(plan, contestant);
  const byRole: Record<string, number> = {};
  let totalMicros = 0;
  for (const [key, use] of after.proxy) {
    const spent = use.cpuMicros - (before.proxy.get(key)?.cpuMicros ?? 0);
    totalMicros += spent;
    byRole[use.role] = (byRole[use.role] ?? 0) + spent / load.requests;
  }
  return {
    name: contestant.name,
    load,
    cpuMicrosPerRequest: totalMicros / load.requests,
    roleMicrosPerRequest: byRole,
    requestsPerSecond: load.requests / (load.durationMicros / 1e6),
    residentBytes: [...after.proxy.values()].reduce((sum, use) => sum + use.residentBytes, 0),
    foreignShare: foreignShare(plan, { before, after }, totalMicros),
  };
}

type Snapshot = ReturnType<typeof snapshot>;

function snapshot(plan: RoundsPlan, contestant: Contestant) {
  const proxy = new Map(processTree(contestant.running.pid).map((use) => [use.pid, use]));
  const origin = processTree(plan.origin.pid).reduce((sum, use) => sum + use.cpuMicros, 0);
  return {
    proxy,
    loadMicros: origin + reapedChildrenMicros(),
    proxyCore: coreTicks(PROXY_CORE),
    loadCore: coreTicks(LOAD_CORE),
  };
}

/** What was stolen or used on the cores beyond what proxy, origin and load used themselves. */
function foreignShare(
  plan: RoundsPlan,
  span: { before: Snapshot; after: Snapshot },
  proxyMicros: number,
): number {
  const { before, after } = span;
  const loadMicros = after.loadMicros - before.loadMicros;
  const spent = (core: 'proxyCore' | 'loadCore') => {
    const used = after[core].busy + after[core].steal - before[core].busy - before[core].steal;
    return { used, total: after[core].total - before[core].total };
  };
  const [proxy, load] = [spent('proxyCore'), spent('loadCore')];
  const share = (of: { used: number; total: number }, ownMicros: number): number =>
    Math.max(0, (of.used - ownMicros / TICK_MICROS) / of.total);
  if (plan.isShared) {
    const both = { used: proxy.used + load.used, total: proxy.total + load.total };
    return share(both, proxyMicros + loadMicros);
  }
  return Math.max(share(proxy, proxyMicros), share(load, loadMicros));
}

function describe(measurement: Measurement): string {
  const { name, cpuMicrosPerRequest, requestsPerSecond, load, foreignShare } = measurement;
  return [
    name.padEnd(16),
    `${cpuMicrosPerRequest.toFixed(2)} µs CPU per request`.padStart(26),
    `${Math.round(requestsPerSecond)} requests/s`.padStart(18),
    `p99 ${(load.p99Micros / 1000).toFixed(2)} ms`.padStart(14),
    `others ${Math.round(foreignShare * 100)} %`.padStart(12),
  ].join(' ');
}
