// The memory of a route for the terms of its answers: when it holds, and that it rests where it is of no use.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KnownTerms, termsOf } from '../../../../src/worker/cache/store-terms.ts';
import { defaultPolicy } from './cache-world.ts';

const head = (maxAge: number, etag: string, more: readonly string[] = []) => [
  ...['cache-control', `max-age=${maxAge}`, 'etag', etag, 'server', 'a', ...more],
];

describe('terms of storing', () => {
  it('are known again whatever validators and other fields say', () => {
    const known = new KnownTerms(defaultPolicy);
    const first = known.of(200, head(5, '"1"'), false);
    assert.equal(known.of(200, head(5, '"2"'), false), first);
    assert.equal(known.of(200, head(5, '"2"').with(-1, 'b'), false), first);
    assert.equal(first.lifetimeMs, 5000);
  });

  it('are others for another status, client, value that counts, and name', () => {
    const known = new KnownTerms(defaultPolicy);
    const first = known.of(200, head(5, '"1"'), false);
    const others = [
      known.of(404, head(5, '"1"'), false),
      known.of(200, head(5, '"1"'), true),
      known.of(200, head(6, '"1"'), false),
      known.of(200, head(5, '"1"').with(-2, 'set-cookie'), false),
    ];
    for (const other of others) assert.notEqual(other, first);
    assert.deepEqual(
      others.map(({ refusal, lifetimeMs }) => refusal ?? lifetimeMs),
      [5000, 'authorization', 6000, 'set-cookie'],
    );
  });

  it('of one Vary are refused on one route and not on another', () => {
    const headers = ['vary', 'x-made, x-shown', 'cache-control', 'max-age=5'];
    const isMade = (name: string) => name === 'x-made';
    for (const isMadeHere of [isMade, () => false, isMade]) {
      const { refusal } = termsOf(200, headers, false, { ...defaultPolicy, isMadeHere });
      assert.equal(refusal, isMadeHere === isMade ? 'vary' : null);
    }
  });

  it('that never come again are not remembered for long, and tried again later', () => {
    const known = new KnownTerms(defaultPolicy);
    let maxAge = 0;
    const isRemembered = () => {
      maxAge += 1;
      const first = known.of(200, head(maxAge, ''), false);
      return known.of(200, head(maxAge, ''), false) === first;
    };
    assert.equal(isRemembered(), true);
    for (let time = 0; time < 10; time++) {
      maxAge += 1;
      known.of(200, head(maxAge, ''), false);
    }
    assert.equal(isRemembered(), false);
    assert.equal(Array.from({ length: 64 }, isRemembered).includes(true), true);
  });
});
