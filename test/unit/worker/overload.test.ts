// Overload control around its decision: settings, what it tells, what it counts.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { RouteConfig } from '../../../src/config/schema.ts';
import { Overload } from '../../../src/worker/overload.ts';

const overload = { enabled: true, delayMs: 250, sustainedMs: 1000, retryAfterMs: 1500 };
const routes = [{ priority: 0 }, { priority: 5 }] as RouteConfig[];

function setUp(context: TestContext, settings = overload) {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const clock = { nowMs: 0 };
  context.mock.method(performance, 'now', () => clock.nowMs);
  const told: string[] = [];
  const tell = (_: object, message: string) => void told.push(message);
  const events = { debug: tell, info: tell, warn: tell, error: tell };
  const control = new Overload({ events, inFlight: () => 1000 });
  context.after(() => control.close());
  control.configure({ overload: settings, routes });
  const tick = (stepMs: number, times: number) => {
    for (let at = 0; at < times; at++) {
      clock.nowMs += stepMs;
      control.tick(clock.nowMs);
    }
  };
  return { control, told, tick };
}

describe('overload control of a worker', () => {
  it('begins and ends with an event, and counts what it refused', (context) => {
    const { control, told, tick } = setUp(context);
    tick(50, 10);
    assert.equal(control.refusesUpTo, Number.NEGATIVE_INFINITY);
    tick(800, 5);
    assert.equal(control.isShedding, true);
    assert.ok(control.refusesUpTo >= 0);
    const error = control.refusal(0, performance.now() + 1000);
    assert.equal(error?.code, 'overloaded');
    assert.equal(error?.retryAfterSeconds, 2);
    assert.equal(control.refused, 1);
    tick(50, 200);
    assert.equal(control.isShedding, false);
    assert.equal(control.refusal(0, performance.now()), null);
    assert.deepEqual(told, ['overloaded: requests are refused', 'no longer overloaded']);
  });

  it('sees within a turn that goes on and on', (context) => {
    const { control, tick } = setUp(context);
    tick(50, 10);
    const beganAtMs = 500;
    assert.ok(control.looksAtMs > beganAtMs + 50);
    // No timer runs, and requests come all the time.
    let looks = 0;
    for (let nowMs = beganAtMs; nowMs < beganAtMs + 2000; nowMs += 1) {
      if (nowMs <= control.looksAtMs) continue;
      control.look(nowMs);
      looks += 1;
      if (control.isShedding) break;
    }
    assert.equal(control.isShedding, true);
    assert.ok(looks >= 20 && looks <= 30, String(looks));
    const before = control.refused;
    for (let at = 0; at < 100; at++) control.refusal(5, beganAtMs + 2000);
    assert.ok(control.refused > before);
  });

  it('does nothing when it is off', (context) => {
    const { control, told, tick } = setUp(context, { ...overload, enabled: false });
    tick(800, 10);
    assert.equal(control.refusal(0, performance.now()), null);
    assert.deepEqual(told, []);
  });

  it('goes on over a reload that leaves its settings as they are', (context) => {
    const { control, tick } = setUp(context);
    tick(800, 5);
    control.configure({ overload, routes });
    assert.equal(control.isShedding, true);
    control.configure({ overload: { ...overload, delayMs: 500 }, routes });
    assert.equal(control.isShedding, false);
    assert.equal(control.refusesUpTo, Number.NEGATIVE_INFINITY);
  });
});
