// Wall time by a reading of the monotonic clock: what a clock that is set, or runs fast, does to it.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { monotonicMs, wallMsAt } from '../../../src/std/clock.ts';

const NOON_MS = Date.UTC(2026, 0, 1, 12);

/** Both clocks, held. */
class Clocks {
  upMs = 5_000_000;
  wallMs = NOON_MS;
  comparisons = 0;

  constructor(test: TestContext) {
    test.mock.method(performance, 'now', () => this.upMs);
    test.mock.method(Date, 'now', () => {
      this.comparisons += 1;
      return Math.floor(this.wallMs);
    });
  }

  pass(ms: number): void {
    this.upMs += ms;
    this.wallMs += ms;
  }
}

test('tells the wall time of a reading', (context) => {
  const clocks = new Clocks(context);
  assert.equal(wallMsAt(monotonicMs()), NOON_MS);
  const before = monotonicMs();
  clocks.pass(40.25);
  assert.equal(wallMsAt(monotonicMs()), NOON_MS + 40);
  assert.equal(wallMsAt(before), NOON_MS);
  assert.equal(clocks.comparisons, 1);
});

test('follows a clock that is set, forth and back, within 100 ms', (context) => {
  const clocks = new Clocks(context);
  wallMsAt(monotonicMs());
  for (const jumpMs of [3_600_000, -7_200_000]) {
    clocks.wallMs += jumpMs;
    clocks.pass(101);
    assert.equal(wallMsAt(monotonicMs()), clocks.wallMs);
  }
});

test('follows a clock that runs a little faster, in steps', (context) => {
  const clocks = new Clocks(context);
  wallMsAt(monotonicMs());
  for (let turn = 0; turn < 100; turn++) {
    clocks.pass(101);
    clocks.wallMs += 0.5;
    assert.ok(Math.abs(wallMsAt(monotonicMs()) - clocks.wallMs) <= 3);
  }
});

test('does not go back and forth because wall time has whole milliseconds', (context) => {
  const clocks = new Clocks(context);
  let last = wallMsAt(monotonicMs());
  for (let turn = 0; turn < 100; turn++) {
    const startedAtMs = monotonicMs();
    clocks.pass(100.37);
    const now = wallMsAt(monotonicMs());
    assert.ok(now - last >= 100 && now - last <= 101);
    assert.ok(wallMsAt(startedAtMs) <= now);
    last = now;
  }
});
