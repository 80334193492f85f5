// What tells a running proxy to end, in held time; the signals are played to its handlers, not sent.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Ending } from '../../../src/primary/end.ts';
import type { Fleet } from '../../../src/primary/fleet.ts';
import { FakeTimers, recordEvents, testConfig } from './fake-fleet.ts';

type Signal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

function start(context: TestContext) {
  const timers = new FakeTimers();
  const calls: string[] = [];
  let drained = () => {};
  const fleet = {
    active: { version: 1, config: testConfig() },
    drain() {
      calls.push('drain');
      return new Promise<void>((resolve) => {
        drained = resolve;
      });
    },
    stop: () => calls.push('stop'),
  } as unknown as Fleet;
  const reloader = {
    request: async () => {
      calls.push('reload');
      return { kind: 'unchanged' } as never;
    },
    close: () => void calls.push('no more reloads'),
  };
  const names: readonly Signal[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
  const others = new Map(names.map((name) => [name, new Set(process.listeners(name))]));
  const ending = new Ending({ fleet, reloader, timers, events: recordEvents() });
  context.after(() => ending.stopListening());
  const signal = (name: Signal) => {
    for (const handler of process.listeners(name)) {
      if (!others.get(name)!.has(handler)) handler(name);
    }
  };
  return { ending, timers, calls, signal, drained: () => drained() };
}

describe('the end of the primary', () => {
  it('drains on a signal and ends with 0 when every child is gone', async (context) => {
    const { ending, calls, signal, drained } = start(context);
    signal('SIGHUP');
    assert.equal(ending.hasBegun, false);
    signal('SIGTERM');
    assert.equal(ending.hasBegun, true);
    drained();
    assert.equal(await ending.code, 0);
    assert.deepEqual(calls, ['reload', 'no more reloads', 'drain']);
  });

  it('takes the same signal twice in a moment for one', async (context) => {
    const { ending, timers, calls, signal, drained } = start(context);
    signal('SIGINT');
    await timers.advance(249);
    signal('SIGINT');
    drained();
    assert.equal(await ending.code, 0);
    assert.deepEqual(calls, ['no more reloads', 'drain']);
  });

  it('ends at once on the same signal a moment later, and on another one at any time', async (context) => {
    for (const [second, waitMs, code] of [
      ['SIGINT', 250, 130],
      ['SIGTERM', 0, 143],
    ] as const) {
      const { ending, timers, calls, signal } = start(context);
      signal('SIGINT');
      await timers.advance(waitMs);
      signal(second);
      assert.equal(await ending.code, code);
      assert.deepEqual(calls, ['no more reloads', 'drain', 'stop']);
      ending.stopListening();
    }
  });

  it('hears nothing any more after stopListening', (context) => {
    const { ending, calls, signal } = start(context);
    ending.stopListening();
    signal('SIGTERM');
    assert.deepEqual(calls, []);
  });
});
