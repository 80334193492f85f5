// The circuit breaker's rules, by a clock of its own.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import {
  adoptTimes,
  type BreakerRecord,
  createBreakerRecord,
  noteTraffic,
  passTime,
  timesOf,
} from '../../../src/channel/breaker.ts';

const policy = { windowMs: 1000, requestsMin: 10, errorPercent: 50, openMs: 300, rampMs: 400 };

function opened(atMs: number): BreakerRecord {
  const record = createBreakerRecord(policy, 0);
  noteTraffic(record, { answers: 10, errors: 5 }, atMs);
  assert.equal(record.phase, 'open');
  return record;
}

describe('a circuit breaker', () => {
  test('opens at the share of errors, not before there are enough requests', () => {
    const record = createBreakerRecord(policy, 0);
    assert.equal(noteTraffic(record, { answers: 9, errors: 9 }, 100), false);
    assert.equal(record.phase, 'closed');
    assert.equal(noteTraffic(record, { answers: 10, errors: 0 }, 200), false, '9 of 19');
    assert.equal(noteTraffic(record, { answers: 1, errors: 1 }, 300), true, '10 of 20');
    assert.equal(record.phase, 'open');
    assert.deepEqual(timesOf(record, 300), { openLeftMs: 300, closedLeftMs: 700 });
  });

  test('forgets what is older than its window', () => {
    const record = createBreakerRecord(policy, 0);
    noteTraffic(record, { answers: 9, errors: 9 }, 100);
    noteTraffic(record, { answers: 9, errors: 9 }, 1300);
    assert.equal(record.phase, 'closed');
  });

  test('takes no notice of what ends while it is open, then lets a share through, then all', () => {
    const record = opened(1000);
    noteTraffic(record, { answers: 100, errors: 100 }, 1200);
    assert.equal(record.untilMs, 1300);
    assert.equal(passTime(record, 1299), false);
    assert.equal(passTime(record, 1300), true);
    assert.equal(record.phase, 'ramp');
    assert.deepEqual(timesOf(record, 1400), { openLeftMs: 0, closedLeftMs: 300 });
    noteTraffic(record, { answers: 100, errors: 40 }, 1500);
    assert.equal(passTime(record, 1700), true);
    assert.equal(record.phase, 'closed');
    assert.deepEqual(timesOf(record, 1700), { openLeftMs: 0, closedLeftMs: 0 });
  });

  test('opens again in the ramp when errors come again', () => {
    const record = opened(1000);
    passTime(record, 1300);
    assert.equal(noteTraffic(record, { answers: 10, errors: 6 }, 1400), true);
    assert.equal(record.phase, 'open');
    assert.equal(record.untilMs, 1700);
    assert.equal(record.opened, 2);
  });

  test('is closed by time alone when nothing comes any more', () => {
    const record = opened(1000);
    passTime(record, 5000);
    assert.equal(record.phase, 'closed');
  });

  test('closes after the open phase when there is no ramp', () => {
    const record = createBreakerRecord({ ...policy, rampMs: 0 }, 0);
    noteTraffic(record, { answers: 10, errors: 10 }, 1000);
    passTime(record, 1300);
    assert.equal(record.phase, 'closed');
  });

  test('takes over what another process knows, whatever the phase', () => {
    const record = createBreakerRecord(policy, 0);
    assert.equal(adoptTimes(record, { openLeftMs: 200, closedLeftMs: 600 }, 1000), true);
    assert.equal(record.untilMs, 1200);
    assert.equal(adoptTimes(record, { openLeftMs: 100, closedLeftMs: 500 }, 1000), false);
    assert.equal(record.untilMs, 1200, 'no earlier');
    assert.equal(adoptTimes(record, { openLeftMs: 0, closedLeftMs: 250 }, 1000), true);
    assert.deepEqual([record.phase, record.untilMs], ['ramp', 1250]);
    assert.equal(adoptTimes(record, { openLeftMs: 0, closedLeftMs: 0 }, 1000), true);
    assert.equal(record.phase, 'closed');
  });
});
