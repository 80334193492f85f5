// Overload control on a simulated worker: never without need, and of use when there is one.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Shedder } from '../../../../../src/worker/filter/limit/shedder.ts';
import { type LoadPlan, simulateLoad } from './simulated-worker.ts';

const settings = { delayMs: 250, sustainedMs: 1000 };

function run(context: TestContext, name: string, plan: Pick<LoadPlan, 'load' | 'priorities'>) {
  const { priorities = [0] } = plan;
  const full = { seconds: 20, warmUpSeconds: 8, seed: 1, ...plan };
  const result = simulateLoad(full, new Shedder(settings, priorities));
  const refused = [...result.refused].map(([at, share]) => `${at}: ${percent(share)}`);
  context.diagnostic(
    `${name}: goodput ${percent(result.goodput)} of capacity, p99 ${Math.round(result.p99Ms)} ms, ` +
      `refused by priority ${refused.join(', ')}`,
  );
  return result;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

describe('overload control', () => {
  it('keeps nine tenths of the peak at twice the capacity, and those accepted are served in time', (context) => {
    const peak = run(context, 'peak', { load: 0.99 });
    const over = run(context, 'load 2', { load: 2 });
    assert.ok(over.goodput >= 0.9 * peak.goodput, `${over.goodput} of ${peak.goodput}`);
    assert.ok(over.p99Ms < 600, `${over.p99Ms} ms`);
    const unprotected = simulateLoad({ load: 2, seconds: 20, warmUpSeconds: 8, seed: 1 }, null);
    context.diagnostic(`load 2 without: goodput ${percent(unprotected.goodput)}`);
    assert.ok(unprotected.goodput < 0.1, 'the simulation shows what it protects from');
  });

  it('refuses the lowest priority first', (context) => {
    const { refused, goodput } = run(context, 'load 1.4', { load: 1.4, priorities: [5, 0] });
    assert.ok(goodput > 0.9);
    assert.ok(refused.get(0)! > 0.4);
    assert.ok(refused.get(5)! < 0.02, `${refused.get(5)}`);
  });

  it('refuses nothing below capacity', (context) => {
    const { refused, isShedding } = run(context, 'load 0.95', { load: 0.95 });
    assert.equal(refused.get(0), 0);
    assert.equal(isShedding, false);
  });

  it('takes one pause for no overload, however long', () => {
    const shedder = new Shedder(settings, [0]);
    let nowMs = 0;
    for (const delayMs of [0, 30_000, 400, 0, 5000, 0, 800, 0]) {
      nowMs += 50 + delayMs;
      shedder.tick({ nowMs, delayMs, inFlight: 5000 });
      assert.equal(shedder.isShedding, false);
    }
  });

  it('does not refuse when there is little at hand, or nothing to choose from', () => {
    for (const [inFlight, lanes] of [
      [20, [0]],
      [5000, []],
    ] as const) {
      const shedder = new Shedder(settings, lanes);
      for (let at = 1; at < 50; at++) shedder.tick({ nowMs: at * 450, delayMs: 400, inFlight });
      assert.equal(shedder.isShedding, false);
      assert.equal(shedder.refuses(0, 0), false);
    }
  });

  it('ends within seconds when the load is gone', () => {
    const shedder = new Shedder(settings, [0, 0, 10]);
    let nowMs = 0;
    for (; !shedder.isShedding; nowMs += 900) {
      shedder.tick({ nowMs, delayMs: 850, inFlight: 500 });
    }
    assert.ok(shedder.refusesUpTo >= 0);
    const beganMs = nowMs;
    for (; shedder.isShedding; nowMs += 50) shedder.tick({ nowMs, delayMs: 0, inFlight: 10 });
    assert.ok(nowMs - beganMs < 5000, `${nowMs - beganMs}`);
    assert.equal(shedder.refusesUpTo, Number.NEGATIVE_INFINITY);
  });

  it('lets some of the highest priority through at the worst', () => {
    const shedder = new Shedder(settings, [0, 10]);
    for (let at = 1; at < 50; at++)
      shedder.tick({ nowMs: at * 9000, delayMs: 8000, inFlight: 9000 });
    let passed = 0;
    for (let at = 0; at < 1000; at++) if (!shedder.refuses(10, 0)) passed += 1;
    assert.ok(passed >= 45 && passed <= 140, `${passed}`);
    assert.equal(shedder.refuses(0, 0), true);
    assert.equal(shedder.refuses(11, 0), false);
  });
});
