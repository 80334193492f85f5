// Leases of one worker: what the sidecar says reaches whom it is for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheToSidecar } from '../../../../../src/core/cache-link.ts';
import { systemTimers } from '../../../../../src/std/timers.ts';
import { Leases } from '../../../../../src/worker/cache/store/leases.ts';

test('two who seek at a time have numbers that are told apart', (context) => {
  // As far apart as makes them share a place.
  const numbers = [1, 1 + 2 ** 14, 1 + 2 ** 40, 2];
  const sent: CacheToSidecar[] = [];
  const leases = new Leases({
    link: {
      connected: true,
      nextId: () => numbers.shift()!,
      send: (message) => sent.push(message) > 0,
    },
    timers: systemTimers,
    takeIn: () => Promise.resolve(false),
    onPass: () => {},
    onStored: () => {},
  });
  context.after(() => leases.close());
  const granted: string[] = [];
  for (const key of ['a', 'b']) {
    leases.seek(key, {
      granted: () => granted.push(key),
      shared: () => assert.fail(),
      denied: () => {},
    });
  }
  const ids = sent.flatMap((message) => (message.kind === 'seek' ? [message.id] : []));
  assert.deepEqual(ids, [1, 2]);
  for (const id of [1 + 2 ** 14, 3, 2, 1]) leases.receive({ kind: 'granted', id });
  assert.deepEqual(granted, ['b', 'a']);
});
