// Locks between instances: one at a time, whatever the others do, and none for ever.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, it } from 'node:test';
import { takeLock } from '../../../../src/sidecar/certificates/file-lock.ts';
import { until } from '../../../support/deadline.ts';
import { createTempDir } from '../../../support/temp-dir.ts';

const signal = new AbortController().signal;
const quick = { signal, lookMs: 5 };

/** A lock that nobody has renewed for an hour. */
function leave(path: string): void {
  const token = '0123456789abcdef01234567';
  const hourAgo = new Date(Date.now() - 3_600_000);
  for (const name of [path, `${path}.${token}`]) {
    writeFileSync(name, JSON.stringify({ host: 'gone', pid: 1, token }));
    utimesSync(name, hourAgo, hourAgo);
  }
}

describe('a lock', () => {
  it('is held by one at a time, and leaves nothing behind', async (context) => {
    const folder = createTempDir(context);
    let inside = 0;
    let turns = 0;
    const one = async () => {
      const lock = await takeLock(folder.file('a.lock'), quick);
      inside += 1;
      assert.equal(inside, 1);
      assert.equal(statSync(folder.file('a.lock')).mode & 0o777, 0o600);
      await new Promise((resolve) => setTimeout(resolve, 1));
      turns += 1;
      inside -= 1;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 12 }, one));
    assert.equal(turns, 12);
    assert.deepEqual(readdirSync(folder.path), []);
  });

  it('of somebody who crashed is taken over by exactly one', async (context) => {
    const folder = createTempDir(context);
    leave(folder.file('a.lock'));
    let inside = 0;
    const one = async () => {
      const lock = await takeLock(folder.file('a.lock'), quick);
      inside += 1;
      assert.equal(inside, 1);
      await new Promise((resolve) => setTimeout(resolve, 1));
      inside -= 1;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 8 }, one));
    assert.deepEqual(readdirSync(folder.path), []);
  });

  it('of a process of this host that is gone is taken over at once', async (context) => {
    const folder = createTempDir(context);
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const owner = { host: hostname(), pid, token: '0123456789abcdef01234567' };
    writeFileSync(folder.file('a.lock'), JSON.stringify(owner));
    const lock = await takeLock(folder.file('a.lock'), quick);
    await lock.release();
    assert.deepEqual(readdirSync(folder.path), []);
  });

  it('is taken over also when the one that took it over before has crashed', async (context) => {
    const folder = createTempDir(context);
    leave(folder.file('a.lock'));
    leave(folder.file('a.lock.break'));
    const lock = await takeLock(folder.file('a.lock'), quick);
    await lock.release();
  });

  it('is renewed for as long as it is held', async (context) => {
    const folder = createTempDir(context);
    const lock = await takeLock(folder.file('a.lock'), { ...quick, renewMs: 5 });
    const hourAgo = new Date(Date.now() - 3_600_000);
    utimesSync(folder.file('a.lock'), hourAgo, hourAgo);
    const isRenewed = () => statSync(folder.file('a.lock')).mtimeMs > hourAgo.getTime() + 1000;
    await until(isRenewed, { what: 'it is renewed' });
    await lock.release();
  });

  it('that somebody took away is not taken from him', async (context) => {
    const folder = createTempDir(context);
    const lost = await takeLock(folder.file('a.lock'), quick);
    rmSync(folder.file('a.lock'));
    const held = await takeLock(folder.file('a.lock'), quick);
    await lost.release();
    assert.ok(readdirSync(folder.path).includes('a.lock'));
    await held.release();
    assert.deepEqual(readdirSync(folder.path), []);
  });

  it('is not waited for beyond the signal', async (context) => {
    const folder = createTempDir(context);
    const held = await takeLock(folder.file('a.lock'), quick);
    const closing = new AbortController();
    const waiting = takeLock(folder.file('a.lock'), { ...quick, signal: closing.signal });
    closing.abort(new Error('closed'));
    await assert.rejects(waiting, /closed/);
    await held.release();
    assert.deepEqual(readdirSync(folder.path), []);
  });
});
