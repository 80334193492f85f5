// A worker in virtual time: an event loop that takes all that has arrived in one turn, peers that answer
// after a while, ticks in between. Arrivals are open: clients come whether or not they are answered.

import type { Shedder } from '../../../../../src/worker/filter/limit/shedder.ts';
import { createSeededRandom } from '../../../../support/random.ts';

export interface LoadPlan {
  /** Requests per second as a multiple of what the worker can do. */
  readonly load: number;
  readonly seconds: number;
  /** Seconds at the start that are not counted. */
  readonly warmUpSeconds: number;
  readonly seed: number;
  /** Priorities of the requests, in turn. */
  readonly priorities?: readonly number[];
  readonly peerMs?: number;
}

export interface LoadResult {
  /** Answered within a second, per second, as a share of capacity. */
  readonly goodput: number;
  readonly p99Ms: number;
  /** Share refused, by priority. */
  readonly refused: ReadonlyMap<number, number>;
  readonly isShedding: boolean;
}

/** CPU time of a request and of its response; of one that is refused. */
const HALF_MS = 0.05;
const REFUSAL_MS = 0.006;
const TICK_MS = 50;
const USEFUL_MS = 1000;

interface Pending {
  readonly dueMs: number;
  readonly cameAtMs: number;
  readonly priority: number;
  readonly isResponse: boolean;
}

/** Runs the plan; without a shedder everything is taken. */
export function simulateLoad(plan: LoadPlan, shedder: Shedder | null): LoadResult {
  const { load, seconds, warmUpSeconds, priorities = [0], peerMs = 5 } = plan;
  const random = createSeededRandom(plan.seed);
  const gapMs = (HALF_MS * 2) / load;
  const latencies: number[] = [];
  const offered = new Map<number, number>();
  const refused = new Map<number, number>();
  let [nowMs, arrivalMs, tickMs, inFlight, good, count] = [0, 0, TICK_MS, 0, 0, 0];
  let waiting: Pending[] = [];
  const endMs = seconds * 1000;
  while (nowMs < endMs) {
    if (nowMs >= tickMs) {
      shedder?.tick({ nowMs, delayMs: nowMs - tickMs, inFlight });
      tickMs = nowMs + TICK_MS;
    }
    while (arrivalMs <= nowMs) {
      const priority = priorities[count++ % priorities.length]!;
      waiting.push({ dueMs: arrivalMs, cameAtMs: arrivalMs, priority, isResponse: false });
      arrivalMs -= Math.log(1 - random.next()) * gapMs;
    }
    const turn = waiting.filter(({ dueMs }) => dueMs <= nowMs);
    waiting = waiting.filter(({ dueMs }) => dueMs > nowMs);
    for (const one of turn) {
      const counts = one.cameAtMs >= warmUpSeconds * 1000;
      if (one.isResponse) {
        nowMs += HALF_MS;
        inFlight -= 1;
        if (!counts) continue;
        latencies.push(nowMs - one.cameAtMs);
        if (nowMs - one.cameAtMs <= USEFUL_MS && nowMs <= endMs) good += 1;
        continue;
      }
      if (counts) offered.set(one.priority, (offered.get(one.priority) ?? 0) + 1);
      if (shedder?.refuses(one.priority, nowMs - tickMs) === true) {
        nowMs += REFUSAL_MS;
        if (counts) refused.set(one.priority, (refused.get(one.priority) ?? 0) + 1);
        continue;
      }
      nowMs += HALF_MS;
      inFlight += 1;
      waiting.push({ ...one, dueMs: nowMs + peerMs, isResponse: true });
    }
    if (turn.length === 0) nowMs = Math.max(nowMs, Math.min(arrivalMs, tickMs, nextDue(waiting)));
  }
  latencies.sort((one, other) => one - other);
  const capacityPerMs = 1 / (HALF_MS * 2);
  return {
    goodput: good / ((seconds - warmUpSeconds) * 1000) / capacityPerMs,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    refused: new Map(
      [...offered].map(([priority, all]) => [priority, (refused.get(priority) ?? 0) / all]),
    ),
    isShedding: shedder?.isShedding ?? false,
  };
}

function nextDue(waiting: readonly Pending[]): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { dueMs } of waiting) if (dueMs < next) next = dueMs;
  return next;
}
