// Measures contenders against each other in interleaved rounds, so that what the machine does besides
// hits all of them alike, and sorts out rounds in which it did too much.

import type { Contestant } from './contenders.ts';
import {
  coreTicks,
  processTree,
  reapedChildrenMicros,
  TICK_MICROS,
} from './harness/cpu-account.ts';
import { rotated } from './harness/statistics.ts';
import type { Running } from './harness/workbench.ts';
import { type LoadReport, loadFault, runWrk } from './harness/wrk.ts';
import type { Scenario } from './scenarios.ts';

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
  readonly scenario: Scenario;
  readonly contestants: readonly Contestant[];
  readonly origin: Running;
  readonly rounds: number;
  readonly durationS: number;
  readonly warmUpS: number;
  /** A round in which others took a larger share of a core is measured again, as long as time is left. */
  readonly foreignShareMax: number;
  readonly progress: (line: string) => void;
}

/** Runs warm-up and rounds; at most twice as many rounds as asked for. Throws on any failed request. */
export async function runRounds(plan: RoundsPlan): Promise<Round[]> {
  for (const contestant of plan.contestants) {
    plan.progress(`warm-up ${contestant.name}`);
    await measure(plan, contestant, plan.warmUpS);
  }
  const rounds: Round[] = [];
  for (let number = 1; number <= plan.rounds * 2; number += 1) {
    if (rounds.filter((each) => each.quiet).length >= plan.rounds) break;
    const measurements: Measurement[] = [];
    for (const contestant of rotated(plan.contestants, number)) {
      const measurement = await measure(plan, contestant, plan.durationS);
      measurements.push(measurement);
      plan.progress(`round ${number}/${plan.rounds} ${describe(measurement)}`);
    }
    const quiet = measurements.every((each) => each.foreignShare <= plan.foreignShareMax);
    if (!quiet) plan.progress(`round ${number} was disturbed by other work`);
    rounds.push({ number, measurements, quiet });
  }
  return chosen(rounds, plan.rounds);
}

/** Prefers quiet rounds; where there are too few, takes the least disturbed of the rest. */
function chosen(rounds: readonly Round[], count: number): Round[] {
  const disturbance = (round: Round): number =>
    Math.max(...round.measurements.map((each) => each.foreignShare));
  return rounds.toSorted((a, b) => disturbance(a) - disturbance(b)).slice(0, count);
}

async function measure(
  plan: RoundsPlan,
  contestant: Contestant,
  durationS: number,
): Promise<Measurement> {
  const { scenario } = plan;
  const before = snapshot(plan, contestant);
  const load = await runWrk({ scenario, port: contestant.port, durationS, core: LOAD_CORE });
  const after = snapshot(plan, contestant);
  const fault = loadFault(load) ?? lengthFault(scenario, load);
  if (fault !== null) throw new Error(`${contestant.name} in ${scenario.name}: ${fault}`);
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
    foreignShare: foreignShare(before, after, totalMicros),
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

/** What was stolen or used on either core beyond what proxy, origin and load used themselves. */
function foreignShare(before: Snapshot, after: Snapshot, proxyMicros: number): number {
  const share = (core: 'proxyCore' | 'loadCore', ownMicros: number): number => {
    const total = after[core].total - before[core].total;
    const used = after[core].busy + after[core].steal - before[core].busy - before[core].steal;
    return Math.max(0, (used - ownMicros / TICK_MICROS) / total);
  };
  const loadMicros = after.loadMicros - before.loadMicros;
  return Math.max(share('proxyCore', proxyMicros), share('loadCore', loadMicros));
}

/** A proxy that answers fast with less than the body must not win. */
function lengthFault(scenario: Scenario, load: LoadReport): string | null {
  const bytesPerRequest = load.bytes / load.requests;
  if (bytesPerRequest >= scenario.responseBodyBytes) return null;
  return `${Math.round(bytesPerRequest)} bytes per answer, ${scenario.responseBodyBytes} expected`;
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
