// Pauses between tries: properties that hold whatever fails.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { backOffMs } from '../../../../src/sidecar/certificates/back-off.ts';

const options = fc.record({
  firstMs: fc.integer({ min: 100, max: 86_400_000 }),
  longestMs: fc.integer({ min: 86_400_000, max: 604_800_000 }),
  failures: fc.integer({ min: 1, max: 100_000 }),
  askedMs: fc.constant(null),
  random: fc.double({ min: 0, max: 1, noNaN: true }),
});

describe('the pause after a failure', () => {
  it('is never less than three quarters of the first, never more than the longest', () => {
    fc.assert(
      fc.property(options, (given) => {
        const pauseMs = backOffMs(given);
        assert.ok(pauseMs >= given.firstMs * 0.75 && pauseMs <= given.longestMs);
      }),
    );
  });

  it('grows with each failure until it is the longest', () => {
    fc.assert(
      fc.property(options, (given) => {
        const pauseMs = backOffMs({ ...given, random: 0 });
        const nextMs = backOffMs({ ...given, failures: given.failures + 1, random: 0 });
        assert.equal(nextMs, Math.min(pauseMs * 2, given.longestMs));
      }),
    );
  });

  it('is what the authority asks for, if that is more', () => {
    fc.assert(
      fc.property(options, fc.integer({ min: 0, max: 2 ** 31 }), (given, askedMs) => {
        assert.equal(backOffMs({ ...given, askedMs }), Math.max(backOffMs(given), askedMs));
      }),
    );
  });
});
