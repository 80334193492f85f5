// The pool on real threads: what it gives back, what it refuses, how it ends.

import assert from 'node:assert/strict';
import { getPriority } from 'node:os';
import { afterEach, describe, it } from 'node:test';
import { OffloadPool } from '../../../../src/worker/offload/offload-pool.ts';

let pool: OffloadPool;

function createPool(threads: number, queueMax: number): OffloadPool {
  pool = new OffloadPool();
  pool.configure({ threads, queueMax });
  return pool;
}

afterEach(() => pool.close());

describe('the pool of threads', () => {
  it('runs a task and gives back what it returns', async () => {
    createPool(1, 1);
    assert.equal(await pool.run('echo', { value: 'hello' }), 'hello');
    assert.deepEqual(pool.counters, { done: 1, failed: 0, refused: 0 });
  });

  it('moves buffers instead of copying them', async () => {
    createPool(1, 1);
    const body = new Uint8Array(new ArrayBuffer(100_000)).fill(7);
    const back = (await pool.run('echo', { value: body }, [body.buffer])) as Uint8Array;
    assert.equal(body.byteLength, 0);
    assert.equal(back.byteLength, 100_000);
    assert.equal(back[99_999], 7);
  });

  it('refuses what does not fit into the queue and takes more when there is room again', async () => {
    createPool(1, 1);
    const running = [pool.run('echo', { value: 1, busyMs: 20 }), pool.run('echo', { value: 2 })];
    assert.equal(pool.run('echo', { value: 3 }), null);
    assert.equal(pool.counters.refused, 1);
    assert.deepEqual(await Promise.all(running), [1, 2]);
    assert.equal(await pool.run('echo', { value: 4 }), 4);
  });

  it('refuses everything without threads', () => {
    createPool(0, 10);
    assert.equal(pool.run('echo', { value: 1 }), null);
  });

  it('tells a task that fails, and goes on', async () => {
    createPool(1, 4);
    await assert.rejects(async () => pool.run('echo', { value: 1, fail: 'no luck' }), /no luck/);
    await assert.rejects(async () => pool.run('toString', {}), /no task toString/);
    assert.equal(await pool.run('echo', { value: 2 }), 2);
    assert.deepEqual(pool.counters, { done: 1, failed: 2, refused: 0 });
  });

  it('finishes what runs when its settings change', async () => {
    createPool(1, 4);
    const before = pool.run('echo', { value: 'old', busyMs: 20 });
    pool.configure({ threads: 2, queueMax: 0 });
    const after = pool.run('echo', { value: 'new', busyMs: 20 });
    assert.deepEqual(await Promise.all([before, after]), ['old', 'new']);
  });

  it('cuts what runs when it is closed, and takes no more', async () => {
    createPool(1, 4);
    const cut = assert.rejects(async () => pool.run('echo', { value: 1, busyMs: 60_000 }));
    await pool.close();
    await cut;
    assert.equal(pool.run('echo', { value: 1 }), null);
  });

  it('leaves the priority of the event loop alone', async () => {
    const before = getPriority();
    createPool(1, 0);
    await pool.run('echo', { value: 1 });
    assert.equal(getPriority(), before);
  });
});
