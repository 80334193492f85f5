// Byte strings in one piece: whatever they are made of, the same octets.

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { flatText } from '../../../src/std/flat-text.ts';
import { testSeed } from '../../support/random.ts';

test('a flat text equals what was joined or cut out', () => {
  const octets = fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 100 });
  fc.assert(
    fc.property(octets, octets, fc.nat(100), (one, two, at) => {
      const text = (String.fromCharCode(...one) + String.fromCharCode(...two)).slice(at);
      assert.equal(flatText(text), text);
    }),
    { seed: testSeed() },
  );
});
