// When checks run: each peer on its own clock, faster in doubt, never too many at once.

import assert from 'node:assert/strict';
import test, { describe, type TestContext } from 'node:test';
import type { CheckOutcome, CheckTarget } from '../../../../src/sidecar/checks/check-target.ts';
import { Checker } from '../../../../src/sidecar/checks/checker.ts';
import { until } from '../../../support/deadline.ts';

function target(at: number, change: Partial<CheckTarget['settings']> = {}): CheckTarget {
  return {
    id: `app/${at}`,
    secure: false,
    hostname: '127.0.0.1',
    port: 1,
    authority: '127.0.0.1:1',
    path: null,
    sendProxy: 'off',
    settings: {
      type: 'http',
      path: '/',
      method: 'GET',
      host: null,
      status: '200-399',
      body: null,
      intervalMs: 5000,
      downIntervalMs: 1000,
      timeoutMs: 2000,
      fall: 3,
      rise: 2,
      ...change,
    },
    tls: { verify: true, ca: null, serverName: null },
  };
}

/** Moves a mocked clock in small steps, so that what follows from a timer can follow. */
async function pass(context: TestContext, ms: number): Promise<void> {
  for (let at = 0; at < ms; at += 10) {
    context.mock.timers.tick(10);
    for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
  }
}

const good: CheckOutcome = { good: true, why: '' };

describe('the checker', () => {
  test('checks every peer within the first down interval, then every interval, ± 10 %', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    let nowMs = 0;
    context.mock.method(performance, 'now', () => nowMs);
    const times = new Map<string, number[]>();
    const checker = new Checker({
      onOutcome: (id) => times.set(id, [...(times.get(id) ?? []), nowMs]),
      isUnsettled: () => false,
      check: () => Promise.resolve(good),
    });
    checker.follow(Array.from({ length: 50 }, (_, at) => target(at)));
    for (; nowMs < 30_000; nowMs += 10) await pass(context, 10);
    checker.stop();
    assert.equal(times.size, 50);
    const firsts = [...times.values()].map(([first]) => first!);
    assert.ok(Math.max(...firsts) <= 1020, `${Math.max(...firsts)}`);
    assert.ok(Math.max(...firsts) - Math.min(...firsts) > 500, 'not all at once');
    const gaps = [...times.values()].flatMap((all) =>
      all.slice(1).map((time, at) => time - all[at]!),
    );
    assert.ok(Math.min(...gaps) >= 4480 && Math.max(...gaps) <= 5520, `${gaps}`);
    assert.ok(Math.max(...gaps) - Math.min(...gaps) > 500, 'jittered');
  });

  test('asks again soon while in doubt', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    let count = 0;
    const checker = new Checker({
      onOutcome: () => {
        count += 1;
      },
      isUnsettled: () => true,
      check: () => Promise.resolve({ good: false, why: 'no' }),
    });
    checker.follow([target(0)]);
    await pass(context, 10_000);
    checker.stop();
    assert.ok(count >= 9 && count <= 12, `${count}`);
  });

  test('takes a check that throws for a bad one', async (context) => {
    const outcomes: CheckOutcome[] = [];
    const checker = new Checker({
      onOutcome: (_id, outcome) => outcomes.push(outcome),
      isUnsettled: () => true,
      check: () => {
        throw new Error('no such thing');
      },
    });
    context.after(() => checker.stop());
    checker.follow([target(0, { downIntervalMs: 10 })]);
    await until(() => outcomes.length > 1, { what: 'it goes on' });
    assert.deepEqual(outcomes[0], { good: false, why: 'no such thing' });
  });

  test('runs at most 256 checks at a time, and all of 1,000 in their turn', async (context) => {
    let running = 0;
    let most = 0;
    const seen = new Set<string>();
    const checker = new Checker({
      onOutcome: (id) => seen.add(id),
      isUnsettled: () => false,
      check: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 30));
        running -= 1;
        return good;
      },
    });
    context.after(() => checker.stop());
    checker.follow(Array.from({ length: 1000 }, (_, at) => target(at, { downIntervalMs: 10 })));
    await until(() => seen.size === 1000, { what: 'all are checked' });
    assert.equal(most, 256);
  });

  test('follows a new configuration: who stays keeps the clock, who goes is heard no more', async (context) => {
    const outcomes: string[] = [];
    const pending: (() => void)[] = [];
    const checker = new Checker({
      onOutcome: (id) => outcomes.push(id),
      isUnsettled: () => false,
      check: () => new Promise((resolve) => pending.push(() => resolve(good))),
    });
    context.after(() => checker.stop());
    const fast = { downIntervalMs: 10 };
    checker.follow([target(0, fast), target(1, fast)]);
    await until(() => pending.length === 2, { what: 'both are asked' });
    checker.follow([target(0, fast), target(2, fast)]);
    await until(() => pending.length === 3, { what: 'the new one is asked' });
    for (const answer of pending) answer();
    await until(() => checker.running === 0, { what: 'all have answered' });
    assert.deepEqual(outcomes.sort(), ['app/0', 'app/2']);
  });
});
