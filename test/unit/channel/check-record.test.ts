// What checks in a row make of a peer.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { createCheckRecord, isUnsettled, noteCheck } from '../../../src/channel/check-record.ts';

const policy = { fall: 3, rise: 2 };

/** Notes checks, `+` good and `-` bad, and returns the states after each: u, U (up) or D (down). */
function play(checks: string): string {
  const record = createCheckRecord();
  return [...checks]
    .map((sign, at) => {
      noteCheck(record, policy, { good: sign === '+', why: `bad ${at}`, atMs: at + 1 });
      return { unknown: 'u', up: 'U', down: 'D' }[record.state];
    })
    .join('');
}

describe('a check record', () => {
  test('needs `fall` bad checks in a row to go down and `rise` good ones to come back', () => {
    assert.equal(play('+--+---++'), 'UUUUUUDDU');
    assert.equal(play('---+-++'), 'uuDDDDU');
  });

  test('is up at the first good check of a peer that nobody knew', () => {
    assert.equal(play('--+--'), 'uuUUU');
  });

  test('keeps what the last bad check found, and when the last one was', () => {
    const record = createCheckRecord();
    noteCheck(record, policy, { good: false, why: 'status 500', atMs: 5 });
    noteCheck(record, policy, { good: true, why: '', atMs: 6 });
    assert.deepEqual(
      [record.why, record.checkedAtMs, record.wasGood, record.state],
      ['status 500', 6, true, 'up'],
    );
  });

  test('is unsettled until it is up and while anything speaks against that', () => {
    const record = createCheckRecord();
    assert.equal(isUnsettled(record), true);
    noteCheck(record, policy, { good: true, why: '', atMs: 1 });
    assert.equal(isUnsettled(record), false);
    noteCheck(record, policy, { good: false, why: 'x', atMs: 2 });
    assert.equal(isUnsettled(record), true);
    noteCheck(record, policy, { good: true, why: '', atMs: 3 });
    assert.equal(isUnsettled(record), false);
  });
});
