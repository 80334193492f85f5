// The waits between questions to DNS.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { refreshAfterMs, retryAfterMs } from '../../../../src/sidecar/discovery/schedule.ts';

const bounds = { ttlMinMs: 1000, ttlMaxMs: 60_000 };

describe('the wait after a good answer', () => {
  for (const [ttlMs, expected] of [
    [0, 1000],
    [999, 1000],
    [1000, 1000],
    [30_000, 30_000],
    [60_001, 60_000],
    [Number.MAX_SAFE_INTEGER, 60_000],
  ] as const) {
    it(`is ${expected} ms for a TTL of ${ttlMs} ms`, () => {
      assert.equal(refreshAfterMs(ttlMs, bounds), expected);
    });
  }
});

describe('the wait after bad answers', () => {
  it('doubles from the shortest to the longest', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 8, 1000].map((row) => retryAfterMs(row, bounds, 0));
    assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('has up to a tenth more by chance, but never more than the longest', () => {
    assert.equal(retryAfterMs(1, bounds, 1), 1100);
    assert.equal(retryAfterMs(2, bounds, 0.5), 2100);
    assert.equal(retryAfterMs(9, bounds, 1), 60_000);
  });
});
