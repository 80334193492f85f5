// The comparison of the algorithms with real processes: Sluice with two workers, started once per
// algorithm, measured in interleaved rounds.

import { sluiceCommand } from '../../native-bench/contenders.ts';
import { median, rotated } from '../../native-bench/harness/statistics.ts';
import { freePort, Workbench } from '../../native-bench/harness/workbench.ts';
import { runOpenLoad, servedBy, startBackends } from './real-scene.ts';
import { ALGORITHMS, type LatencyRow, STUDY } from './scenario.ts';

export interface RealOptions {
  readonly rounds: number;
  readonly durationS: number;
}

/** Measures every algorithm at `requestsPerSecond`; medians over the rounds. */
export async function measureReal(
  requestsPerSecond: number,
  options: RealOptions,
  progress: (line: string) => void,
): Promise<LatencyRow[]> {
  const workbench = new Workbench();
  try {
    const backends = await startBackends(workbench, null);
    const ports = new Map<string, number>();
    for (const algorithm of ALGORITHMS) {
      ports.set(algorithm, await startSluice(workbench, algorithm, backends));
    }
    const runs: LatencyRow[] = [];
    // Round 0 is the warm-up.
    for (let round = 0; round <= options.rounds; round++) {
      for (const name of rotated(ALGORITHMS, round)) {
        const before = await servedBy(backends);
        const durationS = round === 0 ? 1 : options.durationS;
        const load = { port: ports.get(name)!, requestsPerSecond, durationS, seed: round };
        const { p50Ms, p99Ms } = await runOpenLoad(load, null);
        const served = (await servedBy(backends)).map((count, at) => count - before[at]!);
        const slowShare = served.at(-1)! / served.reduce((sum, count) => sum + count, 0);
        progress(`${requestsPerSecond}/s round ${round} ${name}: p99 ${p99Ms.toFixed(1)} ms`);
        if (round > 0) runs.push({ name, p50Ms, p99Ms, slowShare });
      }
    }
    return ALGORITHMS.map((name) => mediansOf(name, runs));
  } finally {
    await workbench.close();
  }
}

/** Returns the medians of the runs called `name`. */
export function mediansOf(name: string, runs: readonly LatencyRow[]): LatencyRow {
  const own = runs.filter((run) => run.name === name);
  return {
    name,
    p50Ms: median(own.map((run) => run.p50Ms)),
    p99Ms: median(own.map((run) => run.p99Ms)),
    slowShare: median(own.map((run) => run.slowShare)),
  };
}

async function startSluice(
  workbench: Workbench,
  algorithm: string,
  backends: readonly number[],
): Promise<number> {
  const [first = 0, ...others] = backends;
  const port = await freePort();
  const args = [
    ...['--cores', `${STUDY.workers}`],
    ...others.flatMap((backend) => ['--to', `http://127.0.0.1:${backend}`]),
    ...['--set', `upstreams.app.balancer=${algorithm}`],
    ...['--set', 'upstreams.app.hash.key=header:x-client'],
  ];
  const lane = { port, originPort: first, adminPort: await freePort() };
  const running = workbench.start({ ...sluiceCommand(lane, args), name: algorithm, core: null });
  await workbench.accepting(running, port);
  return port;
}
