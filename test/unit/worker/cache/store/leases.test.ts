// Leases of one worker: what the sidecar says reaches whom it is for.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Lease } from '../../../../../src/core/cache.ts';
import type { CacheToSidecar } from '../../../../../src/core/cache-link.ts';
import { systemTimers } from '../../../../../src/std/timers.ts';
import { Leases } from '../../../../../src/worker/cache/store/leases.ts';

it('two who seek at a time have numbers that are told apart', (context) => {
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

/** Leases in a time that the test moves; `sent` is what the sidecar hears. */
function openLeases(context: TestContext, takeIn = () => Promise.resolve(false)) {
  context.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const sent: CacheToSidecar[] = [];
  const words: string[] = [];
  const given: Lease[] = [];
  let lastId = 0;
  const leases = new Leases({
    link: {
      connected: true,
      nextId: () => {
        lastId += 1;
        return lastId;
      },
      send: (message) => sent.push(message) > 0,
    },
    timers: { ...systemTimers, nowMs: () => Date.now() },
    ...{ takeIn, onPass: () => {}, onStored: () => {} },
  });
  context.after(() => leases.close());
  const seek = (name: string) =>
    leases.seek('key', {
      granted: (lease) => {
        words.push(`${name} granted`);
        given.push(lease);
      },
      shared: () => words.push(`${name} shared`),
      denied: () => words.push(`${name} denied`),
    });
  const seeks = () => sent.flatMap((message) => (message.kind === 'seek' ? message.id : []));
  const pass = (ms: number) => context.mock.timers.tick(ms);
  return { leases, seek, words, given, sent, seeks, pass };
}

it('a lease that comes when the answer is here already goes back', (context) => {
  const { leases, seek, words, given, sent, seeks, pass } = openLeases(context);
  seek('first');
  leases.receive({ kind: 'granted', id: 1 });
  pass(4000);
  seek('second');
  pass(1250);
  assert.deepEqual(seeks(), [1, 2], 'the first one is over');
  given[0]!.release('stored', Date.now() + 60_000);
  assert.deepEqual(words, ['first granted', 'second shared']);
  seek('third');
  assert.deepEqual(seeks(), [1, 2, 3]);
  leases.receive({ kind: 'granted', id: 2 });
  const ends = sent.flatMap((one) => (one.kind === 'lease-end' ? [[one.id, one.end]] : []));
  assert.deepEqual(ends, [
    [1, 'stored'],
    [2, 'failed'],
  ]);
  leases.receive({ kind: 'granted', id: 3 });
  assert.equal(words.at(-1), 'third granted');
});

describe('an answer that another worker has written', () => {
  it('is no more waited for when reading it fails', async (context) => {
    const { leases, seek, words, seeks } = openLeases(context, () =>
      Promise.reject(new Error('gone')),
    );
    seek('first');
    leases.receive({ kind: 'shared', id: 1, file: 'answer' });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(words, ['first denied']);
    seek('second');
    assert.deepEqual(seeks(), [1, 2]);
  });

  it('is waited for two seconds, and then sought anew', async (context) => {
    let isRead = (_isHere: boolean) => {};
    const reading = new Promise<boolean>((resolve) => {
      isRead = resolve;
    });
    const { leases, seek, words, seeks, pass } = openLeases(context, () => reading);
    seek('first');
    leases.receive({ kind: 'shared', id: 1, file: 'answer' });
    pass(1000);
    seek('second');
    assert.deepEqual([words, seeks()], [[], [1]]);
    pass(1250);
    assert.deepEqual(words, ['first denied', 'second denied']);
    seek('third');
    assert.deepEqual(seeks(), [1, 2]);
    isRead(true);
    await reading;
    assert.deepEqual(words.slice(2), [], 'what comes late is for nobody');
  });
});
