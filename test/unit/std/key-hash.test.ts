// Attack: keys that all have one hash, so that a table is as slow as a list. Whoever doesn't know the seed
// could try keys that meet for many seeds.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keyHash, keyHashEnd, keyHashFurther, keyHashStart } from '../../../src/std/key-hash.ts';

/** Pairs of texts with the same state from `start` on. */
function meeting(start: number): [string, string][] {
  const byState = new Map<number, string>();
  const pairs: [string, string][] = [];
  for (let number = 0; number < 400_000; number++) {
    const text = `/${(number * 2_654_435_761) >>> 0}`;
    const state = keyHashFurther(start, text);
    const other = byState.get(state);
    if (other === undefined) byState.set(state, text);
    else pairs.push([other, text]);
  }
  return pairs;
}

describe('the hash of keys', () => {
  it('is the same in one piece and in several', () => {
    const state = keyHashFurther(keyHashFurther(keyHashStart, 'route\nhttp:80 '), '/a?b');
    assert.equal(keyHashEnd(state), keyHash('route\nhttp:80 /a?b'));
  });

  it('lets other keys meet with another seed, also one that ends in the same eight bits', () => {
    const seed = 0x1234_5678;
    const pairs = meeting(seed);
    assert.ok(pairs.length > 0);
    for (const other of [0x0000_0078, 0x7654_3278, 0x1234_5779]) {
      const stillMeet = pairs.filter(
        ([one, two]) => keyHashFurther(other, one) === keyHashFurther(other, two),
      );
      assert.deepEqual(stillMeet, []);
    }
  });
});
