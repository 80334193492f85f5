// The rate algorithm against a model that keeps every request, and the table when it is full.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { GcraTable, type Rate } from '../../../src/std/gcra-table.ts';

const rate = (requests: number, perMs: number, burst: number): Rate => ({
  intervalMs: perMs / requests,
  toleranceMs: (perMs / requests) * burst,
});

/** A bucket that holds `burst` and is filled at the rate: what the algorithm has to be equal to. */
class Bucket {
  #level: number;
  #atMs = 0;
  readonly #rate: Rate;
  constructor(value: Rate) {
    this.#rate = value;
    this.#level = value.toleranceMs / value.intervalMs;
  }
  take(nowMs: number): boolean {
    const full = this.#rate.toleranceMs / this.#rate.intervalMs;
    this.#level = Math.min(full, this.#level + (nowMs - this.#atMs) / this.#rate.intervalMs);
    this.#atMs = nowMs;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }
}

function take(table: GcraTable, key: number, value: Rate, nowMs: number): boolean {
  const place = table.placeOf(key, Math.imul(key, 2_654_435_761) >>> 0, nowMs);
  if (table.waitMs(place, value, nowMs) > 0) return false;
  table.spend(place, value, nowMs);
  return true;
}

describe('a table of rates', () => {
  it('lets pass what a bucket of tokens does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.tuple(fc.nat(3), fc.nat(64)), { maxLength: 200 }),
        (power, burst, steps) => {
          // Powers of two, so that both count without an error of rounding.
          const value = rate(1, 2 ** power, burst);
          const table = new GcraTable(16);
          const buckets = Array.from({ length: 4 }, () => new Bucket(value));
          let nowMs = 1000;
          for (const [key, pauseMs] of steps) {
            nowMs += pauseMs;
            assert.equal(take(table, key + 1, value, nowMs), buckets[key]!.take(nowMs));
          }
        },
      ),
    );
  });

  it('says how long the next one has to wait', () => {
    const table = new GcraTable(16);
    const value = rate(10, 1000, 2);
    assert.ok(take(table, 1, value, 5000));
    assert.ok(take(table, 1, value, 5000));
    const place = table.placeOf(1, 2_654_435_761, 5000);
    assert.equal(table.waitMs(place, value, 5000), 100);
    assert.equal(table.waitMs(place, value, 5060), 40);
  });

  it('never grows with a million keys, keeps who is at a limit, and lets go of who is not', () => {
    const table = new GcraTable(1024);
    const value = rate(1, 60_000, 1);
    for (let key = 1; key <= 16; key++) assert.ok(take(table, key, value, 1000));
    // A flood of other keys at rest: those at their limit stay.
    const quick = rate(1000, 1, 1);
    for (let key = 1000; key < 1_001_000; key++) take(table, key, quick, 1001);
    for (let key = 1; key <= 16; key++)
      assert.equal(take(table, key, value, 1002), false, `${key}`);
  });

  it('tells what is new once, and counts what others tell', () => {
    const [one, other] = [new GcraTable(16), new GcraTable(16)];
    const value = rate(1, 1000, 4);
    const place = one.placeOf(7, 8, 0);
    one.spendShared(place, value, 5000);
    one.spendShared(place, value, 5000);
    assert.ok(one.hasNews);
    one.takeNews(10, (high, low, count) => {
      assert.deepEqual([high, low, count], [7, 8, 2]);
      other.spentElsewhere(other.placeOf(high, low, 5000), value, 5000, count);
    });
    one.takeNews(10, () => assert.fail('told twice'));
    assert.equal(other.waitMs(other.placeOf(7, 8, 5000), value, 5000), -1000);
  });
});
