// When second attempts begin.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileHedging } from '../../../src/worker/compile-upstream.ts';
import { HedgeClock, SlidingPercentile } from '../../../src/worker/hedge-clock.ts';
import { KeptParts } from '../../../src/worker/kept.ts';

const budget = { budgetRatio: 0.2, budgetMin: 3 };

describe('a sliding percentile', () => {
  it('is within a bucket above the truth', () => {
    const times = new SlidingPercentile(0.95);
    for (let at = 1; at <= 1000; at++) times.add(at / 10);
    assert.ok(times.valueMs >= 95 && times.valueMs < 95 * 1.2, `${times.valueMs}`);
  });

  it('follows when times change', () => {
    const times = new SlidingPercentile(0.95);
    for (let at = 0; at < 5000; at++) times.add(10);
    for (let at = 0; at < 5000; at++) times.add(100);
    assert.ok(times.valueMs >= 100, `${times.valueMs}`);
    for (let at = 0; at < 10_000; at++) times.add(10);
    assert.ok(times.valueMs < 12, `${times.valueMs}`);
  });

  it('takes any time', () => {
    const times = new SlidingPercentile(0.5);
    for (const time of [0, -1, 1e12]) times.add(time);
    assert.ok(Number.isFinite(times.valueMs));
  });
});

describe('a hedge clock', () => {
  it('does nothing before it has seen a hundred times', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const clock = new HedgeClock({ percentile: 95, delayMinMs: 1, budget });
    let calls = 0;
    const exchange = {
      hedge: () => {
        calls += 1;
      },
    };
    for (let at = 0; at < 99; at++) clock.sample(5);
    clock.watch(exchange);
    context.mock.timers.tick(1000);
    assert.equal(calls, 0);
    clock.sample(5);
    assert.ok(clock.delayMs >= 5 && clock.delayMs < 6, `${clock.delayMs}`);
  });

  it('never waits less than the configured minimum', () => {
    const clock = new HedgeClock({ percentile: 95, delayMinMs: 50, budget });
    for (let at = 0; at < 100; at++) clock.sample(1);
    assert.equal(clock.delayMs, 50);
  });

  it('calls everybody once, in order, when the time has come, by one timer', (context) => {
    let now = 1000;
    context.mock.method(performance, 'now', () => now);
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const clock = new HedgeClock({ percentile: 95, delayMinMs: 100, budget });
    for (let at = 0; at < 100; at++) clock.sample(1);
    const called: number[] = [];
    const pass = (ms: number) => {
      now += ms;
      context.mock.timers.tick(ms);
    };
    for (let at = 0; at < 3; at++) {
      clock.watch({ hedge: () => called.push(at) });
      pass(40);
    }
    assert.deepEqual(called, [0]);
    pass(30);
    assert.deepEqual(called, [0, 1]);
    pass(100);
    assert.deepEqual(called, [0, 1, 2]);
    clock.watch({ hedge: () => called.push(9) });
    pass(100);
    assert.deepEqual(called, [0, 1, 2, 9]);
  });
});

describe('hedging across configurations', () => {
  const config = {
    hedge: { enabled: true, percentile: 95, delayMinMs: 10 },
    retry: { budgetPercent: 20, budgetMin: 3 },
    sticky: { by: 'off' },
  } as Parameters<typeof compileHedging>[1];
  const compiled = (name: string, changes: object, kept: KeptParts) => {
    return compileHedging(name, { ...config, ...changes }, kept);
  };

  it('goes on with what it learned while its settings last, each upstream by itself', () => {
    const kept = new KeptParts();
    const first = compiled('app', {}, kept);
    assert.notEqual(compiled('other', {}, kept), first);
    kept.settle();
    assert.equal(compiled('app', {}, kept), first);
    kept.settle();
    const hedge = { ...config.hedge, percentile: 99 };
    assert.notEqual(compiled('app', { hedge }, kept), first);
  });

  it('calls nobody after its configuration is gone', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const kept = new KeptParts();
    const clock = compiled('app', {}, kept)!;
    kept.settle();
    for (let at = 0; at < 100; at++) clock.sample(1);
    let calls = 0;
    const hedge = () => {
      calls += 1;
    };
    clock.watch({ hedge });
    kept.settle();
    clock.watch({ hedge });
    context.mock.timers.tick(1000);
    assert.equal(calls, 0);
  });
});
