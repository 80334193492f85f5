// The pace of batches: a gap that follows their cost, verdicts that do not wait.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Pace } from '../../../src/channel/pace.ts';

const options = { leastMs: 10, mostMs: 100, share: 0.01 };

describe('Pace', () => {
  it('lets the first batch go at once', () => {
    assert.equal(new Pace(options).delayMs(5, false), 1);
  });

  it('keeps the shortest gap while batches are cheap', () => {
    const pace = new Pace(options);
    for (let at = 0; at < 50; at++) pace.spent(at * 10, at * 10 + 0.05);
    assert.equal(Math.round(pace.delayMs(490.05, false)), 10);
  });

  it('widens the gap until batches take their share of the time, within the longest', () => {
    const pace = new Pace(options);
    for (let at = 0; at < 50; at++) pace.spent(at * 100, at * 100 + 0.5);
    assert.equal(Math.round(pace.delayMs(4900.5, false)), 50);
    for (let at = 0; at < 50; at++) pace.spent(at * 100, at * 100 + 30);
    assert.equal(Math.round(pace.delayMs(4930, false)), 100);
  });

  it('never makes a verdict wait longer than the shortest gap', () => {
    const pace = new Pace(options);
    for (let at = 0; at < 50; at++) pace.spent(at * 100, at * 100 + 30);
    assert.equal(pace.delayMs(4930, true), 10);
    assert.equal(pace.delayMs(5000, true), 1);
  });

  it('counts reading what others sent as part of what a batch costs', () => {
    const pace = new Pace(options);
    for (let at = 0; at < 50; at++) {
      pace.received(at * 100 + 50, at * 100 + 50.2);
      pace.received(at * 100 + 70, at * 100 + 70.1);
      pace.spent(at * 100 + 99.8, at * 100 + 100);
    }
    assert.equal(Math.round(pace.delayMs(5000, false)), 50);
  });

  it('lets who is awake anyway send a quarter of a wide gap earlier, never in the shortest', () => {
    const pace = new Pace(options);
    assert.equal(pace.isNearlyDue(0), true);
    for (let at = 0; at < 50; at++) pace.spent(at * 100, at * 100 + 0.4);
    assert.equal(pace.isNearlyDue(4900.4 + 29), false);
    assert.equal(pace.isNearlyDue(4900.4 + 31), true);
    const cheap = new Pace(options);
    cheap.spent(0, 0.01);
    assert.equal(cheap.isNearlyDue(9), false);
    assert.equal(cheap.isNearlyDue(10.1), true);
  });

  it('takes its time while nobody else needs the counts', () => {
    const pace = new Pace(options);
    pace.isAlone = true;
    pace.spent(0, 0.1);
    assert.equal(Math.round(pace.delayMs(0.1, false)), 500);
    assert.equal(Math.round(pace.delayMs(0.1, true)), 10);
  });
});
