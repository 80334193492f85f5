// How long a child that died stays down.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Backoff } from '../../../src/primary/backoff.ts';

test('restarts at once after the first death, then ever later up to 30 s', () => {
  const backoff = new Backoff();
  const delaysMs = Array.from({ length: 12 }, () => backoff.next(50));
  assert.deepEqual(
    delaysMs,
    [0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000],
  );
});

test('forgives early deaths after a life of 10 s', () => {
  const backoff = new Backoff();
  for (let death = 0; death < 5; death += 1) backoff.next(9999);
  assert.equal(backoff.next(9999), 1600);
  assert.equal(backoff.next(10_000), 0);
  assert.equal(backoff.next(1), 100);
});
