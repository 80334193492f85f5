// The worker's half of the circuit breaker: who gets through when.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { UpstreamGuard } from '../../../src/core/upstream-guard.ts';
import { UpstreamBreaker } from '../../../src/worker/breaker.ts';

function setUp(context: TestContext) {
  const clock = { nowMs: 10_000, random: 0.5 };
  context.mock.method(performance, 'now', () => clock.nowMs);
  const guard = new UpstreamGuard('app');
  const breaker = new UpstreamBreaker(guard, 1000, () => clock.random);
  return { clock, guard, breaker };
}

describe("a worker's breaker", () => {
  it('lets everything through while closed', (context) => {
    const { breaker } = setUp(context);
    assert.equal(breaker.refuse(), null);
  });

  it('refuses everything while open, and says when the rest is over', (context) => {
    const { clock, guard, breaker } = setUp(context);
    guard.openUntilMs = clock.nowMs + 2500;
    guard.rampUntilMs = clock.nowMs + 3500;
    clock.random = 0.999;
    const error = breaker.refuse();
    assert.equal(error?.code, 'breaker_open');
    assert.equal(error?.failure.status, 503);
    assert.equal(error?.retryAfterSeconds, 3);
  });

  it('lets a share through that grows from none to all', (context) => {
    const { clock, guard, breaker } = setUp(context);
    guard.openUntilMs = clock.nowMs;
    guard.rampUntilMs = clock.nowMs + 1000;
    const shareAt = (ms: number) => {
      clock.nowMs = 10_000 + ms;
      let passed = 0;
      for (let at = 0; at < 100; at++) {
        clock.random = at / 100;
        if (breaker.refuse() === null) passed += 1;
      }
      return passed;
    };
    assert.equal(shareAt(0), 0);
    assert.ok(Math.abs(shareAt(250) - 25) <= 1);
    assert.ok(Math.abs(shareAt(750) - 75) <= 1);
    assert.equal(shareAt(1000), 100);
    assert.equal(shareAt(60_000), 100, 'without being told that it is closed');
  });
});
