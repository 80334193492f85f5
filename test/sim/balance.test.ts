// Whether the simulation of balancing (perf/balance) can be believed: queueing theory's own numbers, and
// that what must be better is better.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { EventQueue } from '../../perf/balance/event-queue.ts';
import { quantileOf, type Simulation, simulate } from '../../perf/balance/simulate.ts';

const four = [1, 1, 1, 5].map((slowness) => ({ slots: 8, serviceMs: 10 * slowness }));
const base: Simulation = {
  seed: 7,
  algorithm: 'least-connections',
  peers: four,
  workers: 1,
  lagMs: 0,
  load: { open: 0.7 * (2.4 + 0.16) },
  requests: 20_000,
};

function p99(change: Partial<Simulation>): number {
  return quantileOf(simulate({ ...base, ...change }).latencyMs, 0.99);
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function isNear(actual: number, expected: number, share: number): void {
  const message = `${actual} is not within ${share * 100} % of ${expected}`;
  assert.ok(Math.abs(actual - expected) <= expected * share, message);
}

describe('the event queue', () => {
  test('runs events by time, and by entry at one time', () => {
    const events = new EventQueue();
    const seen: string[] = [];
    for (const [at, delayMs] of [5, 1, 5, 3, 1, 0, 4].entries()) {
      events.after(delayMs, () => seen.push(`${events.nowMs}:${at}`));
    }
    while (events.step());
    assert.deepEqual(seen, ['0:5', '1:1', '1:4', '3:3', '4:6', '5:0', '5:2']);
  });
});

describe('the simulation of balancing', () => {
  test('gives the mean and the p99 of M/M/1 at half load', () => {
    const peers = [{ slots: 1, serviceMs: 1 }];
    const one = simulate({ ...base, peers, load: { open: 0.5 }, requests: 200_000 });
    // The time in an M/M/1 system is exponential with mean 1 / (µ − λ).
    isNear(meanOf(one.latencyMs), 2, 0.05);
    isNear(quantileOf(one.latencyMs, 0.99), 2 * Math.log(100), 0.06);
    isNear(meanOf(one.queuedMs), 1, 0.08);
  });

  test('gives the mean wait of M/M/2 at three quarters load', () => {
    const peers = [{ slots: 2, serviceMs: 1 }];
    const two = simulate({ ...base, peers, load: { open: 1.5 }, requests: 200_000 });
    // Erlang C with two servers and 1.5 erlang: 9/14 wait, for 1 / (2µ − λ) on average.
    isNear(meanOf(two.queuedMs), (9 / 14) * 2, 0.08);
  });

  test('gives the same result for the same seed, and another for another', () => {
    const run = (seed: number) =>
      simulate({ ...base, seed, workers: 4, lagMs: 20, requests: 2000 });
    assert.deepEqual(run(1), run(1));
    assert.notDeepEqual(run(1).latencyMs, run(2).latencyMs);
  });

  test('lets least-connections beat power-of-two, and both beat random', () => {
    const load = { open: 0.5 };
    const best = p99({ load });
    const good = p99({ load, algorithm: 'power-of-two' });
    const poor = p99({ load, algorithm: 'random' });
    assert.ok(best <= good * 1.02, `least-connections ${best}, power-of-two ${good}`);
    assert.ok(good * 1.2 < poor, `power-of-two ${good}, random ${poor}`);
  });

  test('gives any number of workers the ideal when counts do not lag', () => {
    isNear(p99({ workers: 16 }), p99({}), 0.06);
  });

  test('shows the herd that old counts make, worse the older they are', () => {
    const ideal = p99({});
    const young = p99({ workers: 16, lagMs: 10, anticipation: 0 });
    const old = p99({ workers: 16, lagMs: 100, anticipation: 0 });
    assert.ok(old > young * 2, `10 ms: ${young}, 100 ms: ${old}`);
    assert.ok(young > ideal, `10 ms: ${young}, ideal ${ideal}`);
  });

  test('shows that supposing half of one’s own moves of the others breaks the herd up', () => {
    const told = p99({ workers: 16, lagMs: 100, anticipation: 0 });
    const supposed = p99({ workers: 16, lagMs: 100, anticipation: 0.5 });
    assert.ok(supposed < told / 2, `told: ${told}, supposed: ${supposed}`);
  });

  test('counts every request once at the backend that served it', () => {
    const { byPeer, latencyMs } = simulate({ ...base, requests: 3000, load: { closed: 40 } });
    assert.equal(
      byPeer.reduce((sum, count) => sum + count, 0),
      3000,
    );
    assert.ok(latencyMs[0]! > 0);
  });
});
