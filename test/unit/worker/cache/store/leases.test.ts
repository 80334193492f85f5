// Leases of one worker: what the sidecar says reaches whom it is for.

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
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

describe('an answer that another worker has written', () => {
  /** Leases whose sidecar says at once that it is in a file; `takeIn` reads it. */
  function seekShared(context: TestContext, takeIn: () => Promise<boolean>) {
    context.mock.timers.enable({ apis: ['setTimeout', 'Date'] });
    const timers = { ...systemTimers, nowMs: () => Date.now() };
    const seeks: number[] = [];
    let lastId = 0;
    const leases = new Leases({
      link: {
        connected: true,
        nextId: () => {
          lastId += 1;
          return lastId;
        },
        send: (message) => message.kind !== 'seek' || seeks.push(message.id) > 0,
      },
      ...{ timers, takeIn, onPass: () => {}, onStored: () => {} },
    });
    context.after(() => leases.close());
    const words: string[] = [];
    const seek = (name: string) =>
      leases.seek('key', {
        granted: () => words.push(`${name} granted`),
        shared: () => words.push(`${name} shared`),
        denied: () => words.push(`${name} denied`),
      });
    seek('first');
    leases.receive({ kind: 'shared', id: lastId, file: 'answer' });
    return { seek, words, seeks, pass: (ms: number) => context.mock.timers.tick(ms) };
  }

  test('is no more waited for when reading it fails', async (context) => {
    const { seek, words, seeks } = seekShared(context, () => Promise.reject(new Error('gone')));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(words, ['first denied']);
    seek('second');
    assert.equal(seeks.length, 2);
  });

  test('is waited for two seconds, and then sought anew', async (context) => {
    let isRead = (_isHere: boolean) => {};
    const reading = new Promise<boolean>((resolve) => {
      isRead = resolve;
    });
    const { seek, words, seeks, pass } = seekShared(context, () => reading);
    pass(1000);
    seek('second');
    assert.deepEqual([words, seeks.length], [[], 1]);
    pass(1250);
    assert.deepEqual(words, ['first denied', 'second denied']);
    seek('third');
    assert.equal(seeks.length, 2);
    isRead(true);
    await reading;
    assert.deepEqual(words.slice(2), [], 'what comes late is for nobody');
  });
});
