// Times to the response head in buckets: how true the percentiles are, and the way between processes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HeadTimes } from '../../../src/core/head-times.ts';

function timesOf(...timesMs: readonly number[]): HeadTimes {
  const times = new HeadTimes();
  for (const timeMs of timesMs) times.add(timeMs);
  return times;
}

describe('HeadTimes', () => {
  it('tells percentiles within a quarter from 80 µs to a minute', () => {
    for (let timeMs = 0.08; timeMs < 60_000; timeMs *= 1.37) {
      const times = timesOf(timeMs);
      for (const share of [0.01, 0.5, 1]) {
        const ratio = times.quantileMs(share) / timeMs;
        assert.ok(ratio > 0.8 && ratio <= 1.25, `${timeMs}: ${ratio}`);
      }
    }
  });

  it('finds the ranks of an even spread', () => {
    const times = new HeadTimes();
    for (let at = 1; at <= 10_000; at += 1) times.add(at / 10);
    assert.equal(times.count, 10_000);
    for (const share of [0.1, 0.5, 0.9, 0.99]) {
      const ratio = times.quantileMs(share) / (share * 1000);
      assert.ok(Math.abs(ratio - 1) < 0.05, `${share}: ${ratio}`);
    }
  });

  it('counts what is out of its range at its ends, and nothing as nothing', () => {
    const times = timesOf(0, 1e-9, 70_000, 1e9);
    assert.equal(times.count, 4);
    assert.ok(times.quantileMs(0.5) <= 1 / 16 + 1 / 64);
    assert.equal(times.quantileMs(1), 65_536);
    assert.equal(new HeadTimes().count, 0);
    assert.equal(new HeadTimes().quantileMs(0.5), 0);
    assert.deepEqual(new HeadTimes().pack(), []);
  });

  it('adds up what several processes packed', () => {
    const sum = new HeadTimes();
    for (const times of [timesOf(1, 2, 300), timesOf(), timesOf(2, 70_000)]) {
      assert.equal(sum.addPacked(times.pack(), times.sumMs), true);
    }
    assert.deepEqual(sum.pack(), timesOf(1, 2, 300, 2, 70_000).pack());
    assert.equal(sum.sumMs, 70_305);
  });

  it('packs coarsely without losing a count, and tells times at most twice as long', () => {
    const fine = new HeadTimes();
    for (let at = 1; at <= 1000; at += 1) fine.add(at);
    const coarse = new HeadTimes();
    const packed = fine.pack(true);
    assert.ok(packed.length <= 22, `${packed.length}`);
    coarse.addPacked(packed, fine.sumMs);
    assert.equal(coarse.count, 1000);
    const ratio = coarse.quantileMs(0.5) / fine.quantileMs(0.5);
    assert.ok(ratio >= 1 && ratio <= 2, `${ratio}`);
  });

  it('takes nothing that makes no sense', () => {
    const times = timesOf(1);
    const before = times.pack();
    for (const packed of [[1], [-1, 1], [0.5, 1], [1, 0], [1, 0.5], [80, 1], [40, 1, 40, 1]]) {
      assert.equal(times.addPacked(packed, 1), false, packed.join());
    }
    assert.equal(times.addPacked([1, 1], Number.NaN), false);
    assert.deepEqual(times.pack(), before);
    assert.equal(times.sumMs, 1);
  });
});
