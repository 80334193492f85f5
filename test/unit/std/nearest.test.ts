// The nearest known word to a mistyped one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { editDistance, nearest } from '../../../src/std/nearest.ts';

const words = ['listeners', 'upstreams', 'routes', 'connectMs', 'connectionsMax', 'to'];

describe('nearest', () => {
  const cases: [string, string | null][] = [
    ['listners', 'listeners'],
    ['upstream', 'upstreams'],
    ['routse', 'routes'],
    ['connections_max', 'connectionsMax'],
    ['CONNECT-MS', 'connectMs'],
    ['connect', 'connectMs'],
    ['too', 'to'],
    ['banana', null],
    ['', null],
    ['x'.repeat(200), null],
  ];
  for (const [word, expected] of cases) {
    it(`takes ${JSON.stringify(word.slice(0, 20))} for ${expected}`, () => {
      assert.equal(nearest(word, words), expected);
    });
  }

  it('prefers the exact word over one that begins with it', () => {
    assert.equal(nearest('host', ['hostHeader', 'host']), 'host');
  });
});

describe('editDistance', () => {
  it('counts a swap of neighbours once', () => {
    assert.equal(editDistance('routes', 'rouets'), 1);
  });

  it('is symmetric, and zero only for equal words', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, (one, other) => {
        assert.equal(editDistance(one, other), editDistance(other, one));
        assert.equal(editDistance(one, other) === 0, one === other);
      }),
    );
  });
});
