// Splits: shares by weight, clients that stay, and what moves when weights change.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHashKey } from '../../../../src/worker/balance/hash-key.ts';
import { WeightedSplit } from '../../../../src/worker/balance/split.ts';
import { createSeededRandom } from '../../../support/random.ts';
import { makeExchange, makePlan } from '../support/exchanges.ts';

const plans = ['stable', 'canary', 'third'].map((route) => makePlan({ route }));

function makeSplit(weights: number[], key: string | null = null) {
  const shares = weights.map((weight, at) => ({ weight, plan: plans[at]! }));
  const parsed = key === null ? null : parseHashKey(key);
  return new WeightedSplit(shares, parsed, createSeededRandom(5).next);
}

/** Exchange of client number `at`, by address and by cookie. */
function client(at: number) {
  return makeExchange({
    remoteAddress: `10.1.${at >> 8}.${at & 255}`,
    headers: ['cookie', `a=b; user=u${at}`],
  });
}

function shares(split: WeightedSplit, count: number): number[] {
  const seen = plans.map(() => 0);
  for (let at = 0; at < count; at++) seen[plans.indexOf(split.choose(client(at)))]! += 1;
  return seen;
}

describe('WeightedSplit', () => {
  for (const key of [null, 'address', 'cookie:user', 'header:cookie']) {
    it(`shares by weight, by ${key ?? 'chance'}`, () => {
      const [stable, canary, third] = shares(makeSplit([90, 8, 2], key), 10_000);
      assert.ok(Math.abs(stable! - 9000) < 120, `${stable}`);
      assert.ok(Math.abs(canary! - 800) < 110, `${canary}`);
      assert.ok(Math.abs(third! - 200) < 60, `${third}`);
    });
  }

  it('gives nothing to a weight of 0', () => {
    assert.deepEqual(shares(makeSplit([0, 1, 0]), 1000), [0, 1000, 0]);
    assert.deepEqual(shares(makeSplit([1, 0, 0], 'address'), 1000), [1000, 0, 0]);
  });

  it('keeps a client where it is', () => {
    const split = makeSplit([1, 1], 'cookie:user');
    for (let at = 0; at < 200; at++) {
      assert.equal(split.choose(client(at)), split.choose(client(at)));
    }
  });

  it('moves only the difference when the canary grows', () => {
    const before = makeSplit([95, 5], 'cookie:user');
    const after = makeSplit([80, 20], 'cookie:user');
    let moved = 0;
    for (let at = 0; at < 5000; at++) {
      const was = before.choose(client(at));
      const is = after.choose(client(at));
      if (was === plans[1]) assert.equal(is, plans[1], 'who is on the canary stays');
      if (was !== is) moved += 1;
    }
    assert.ok(Math.abs(moved - 750) < 120, `${moved} of 5000 moved`);
  });

  it('goes by the address where the request lacks the key', () => {
    const split = makeSplit([1, 1], 'cookie:user');
    const seen = new Set();
    for (let at = 0; at < 50; at++) {
      const without = () => makeExchange({ remoteAddress: `10.9.0.${at}`, headers: [] });
      assert.equal(split.choose(without()), split.choose(without()));
      seen.add(split.choose(without()));
    }
    assert.equal(seen.size, 2);
  });
});

describe('parseHashKey', () => {
  it('reads what the configuration allows', () => {
    assert.deepEqual(parseHashKey('address'), { by: 'address' });
    assert.deepEqual(parseHashKey('path'), { by: 'path' });
    assert.deepEqual(parseHashKey('header:x-user'), { by: 'header', name: 'x-user' });
    assert.deepEqual(parseHashKey('cookie:a:b'), { by: 'cookie', name: 'a:b' });
    assert.deepEqual(parseHashKey('query:id'), { by: 'query', name: 'id' });
  });
});
