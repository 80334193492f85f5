// What is simulated: every algorithm with one slow backend of four, and how much the delay of the shared
// counts costs against an ideal least-connections that knows everything at once.

import { median } from '../../native-bench/harness/statistics.ts';
import type { Algorithm } from '../../src/worker/balance/create-balancer.ts';
import { ALGORITHMS, BACKENDS, type LatencyRow, STUDY } from './scenario.ts';
import { quantileOf, type Simulation, simulate } from './simulate.ts';

const SEEDS = [1, 2, 3];
const SECONDS = 10;

/** Compares the algorithms over 10 s of virtual time; medians over three seeds. */
export function compareAlgorithms(requestsPerSecond: number): LatencyRow[] {
  return ALGORITHMS.map((algorithm) => {
    const runs = SEEDS.map((seed) => {
      const result = simulate({
        ...{ seed, algorithm, peers: BACKENDS, ...STUDY, service: 'fixed' },
        load: { open: requestsPerSecond / 1000 },
        requests: requestsPerSecond * SECONDS,
      });
      const { latencyMs, byPeer } = result;
      return {
        p50Ms: quantileOf(latencyMs, 0.5),
        p99Ms: quantileOf(latencyMs, 0.99),
        slowShare: byPeer.at(-1)! / latencyMs.length,
      };
    });
    return {
      name: algorithm,
      p50Ms: median(runs.map((each) => each.p50Ms)),
      p99Ms: median(runs.map((each) => each.p99Ms)),
      slowShare: median(runs.map((each) => each.slowShare)),
    };
  });
}

/** p99 of the time to the answer over that of the ideal, per interval of the counts. */
export interface LagRow {
  readonly serviceMs: number;
  readonly algorithm: Algorithm;
  readonly anticipation: number;
  readonly workers: number;
  readonly ratios: readonly number[];
}

/** Intervals of the counts in ms; at 0 every worker knows everything. */
export const LAGS_MS = [0, 10, 20, 50, 100];
export const WORKER_COUNTS = [1, 4, 16, 64];
/** Share of what the backends can do together that arrives. */
export const LAG_LOAD = 0.7;
const LAG_SERVICES_MS = [5, 50];
const LAG_REQUESTS = 40_000;

/** Compares views that lag with the ideal; medians over the seeds of ratios within one seed. */
export function compareLags(anticipation: number): LagRow[] {
  const rows: LagRow[] = [];
  for (const serviceMs of LAG_SERVICES_MS) {
    const base = lagBase(serviceMs);
    const ideal = SEEDS.map((seed) => {
      return p99({ ...base, seed, algorithm: 'least-connections', workers: 1, lagMs: 0 });
    });
    for (const algorithm of ['power-of-two', 'least-connections'] as const) {
      for (const workers of WORKER_COUNTS) {
        const ratioAt = (lagMs: number): number => {
          const ratios = SEEDS.map((seed, at) => {
            return p99({ ...base, seed, algorithm, workers, lagMs, anticipation }) / ideal[at]!;
          });
          return median(ratios);
        };
        // One worker has nobody to ask: its view never lags.
        const first = ratioAt(0);
        const rest = LAGS_MS.slice(1).map((lagMs) => (workers === 1 ? first : ratioAt(lagMs)));
        rows.push({ serviceMs, algorithm, anticipation, workers, ratios: [first, ...rest] });
      }
    }
  }
  return rows;
}

/** Four backends, one five times slower than the others. */
function lagBase(serviceMs: number): Pick<Simulation, 'peers' | 'load' | 'requests'> {
  const fast = { slots: 8, serviceMs };
  const peers = [fast, fast, fast, { slots: 8, serviceMs: serviceMs * 5 }];
  const capacity = peers.reduce((sum, peer) => sum + peer.slots / peer.serviceMs, 0);
  return { peers, load: { open: LAG_LOAD * capacity }, requests: LAG_REQUESTS };
}

function p99(simulation: Simulation): number {
  return quantileOf(simulate(simulation).latencyMs, 0.99);
}
