// When a peer is left out, for how long, and what is forgotten.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import {
  createEjectionRecord,
  eject,
  hasRoom,
  isDue,
  restore,
} from '../../../src/channel/ejection.ts';

const policy = { failuresInRow: 5, baseMs: 10_000, maxMs: 300_000 };

describe('ejection', () => {
  test('is due at the configured run of failures, not before, and not while it runs', () => {
    const record = createEjectionRecord();
    record.run = 4;
    assert.equal(isDue(record, policy), false);
    record.run = 5;
    assert.equal(isDue(record, policy), true);
    assert.equal(isDue(record, { ...policy, failuresInRow: 0 }), false, '0 is never');
    eject(record, policy, { why: 'test', atMs: 1000 });
    record.run = 9;
    assert.equal(isDue(record, policy), false);
  });

  test('lasts 10 s times how often it happened, at most 300 s', () => {
    const record = createEjectionRecord();
    let now = 0;
    const lengths: number[] = [];
    for (let time = 1; time <= 40; time++) {
      eject(record, policy, { why: 'test', atMs: now });
      lengths.push(record.untilMs - now);
      now = record.untilMs;
      restore(record, now);
    }
    assert.deepEqual(lengths.slice(0, 4), [10_000, 20_000, 30_000, 40_000]);
    assert.equal(lengths[29], 300_000);
    assert.equal(lengths[39], 300_000);
  });

  test('forgets one of its times for every 10 s in service', () => {
    const record = createEjectionRecord();
    for (let time = 0; time < 3; time++) {
      eject(record, policy, { why: 'test', atMs: 0 });
      restore(record, 0);
    }
    eject(record, policy, { why: 'test', atMs: 19_999 });
    assert.equal(record.times, 3, 'one forgotten, one new');
    restore(record, 100_000);
    eject(record, policy, { why: 'test', atMs: 1_000_000 });
    assert.equal(record.untilMs - 1_000_000, 10_000, 'all forgotten');
  });

  test('has room for half of the peers and never for the only one', () => {
    const most = (peers: number) => {
      let ejected = 0;
      while (hasRoom(peers, ejected)) ejected += 1;
      return ejected;
    };
    assert.deepEqual([0, 1, 2, 3, 4, 5, 10].map(most), [0, 0, 1, 1, 2, 2, 5]);
  });
});
