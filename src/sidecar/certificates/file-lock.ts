// A lock that is a file, so that instances on several machines can share a directory. Whoever has it
// renews it all the time; one that nobody renewed for a while was left by a crash, and is taken over.
//
//   free ── link ──► held ── renewed every 10 s ──► removed        A lock is a hard link to a file of its
//                     └─ not renewed for 60 s ──► stale             owner: link() fails when it is there. The
//                          └─ removed by one, under `.break`        age is measured by the clock of the
//                                                                   directory, not by that of an instance.

import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { isRunning } from '../../std/is-running.ts';

export interface LockOptions {
  /** Ends the waiting: it then rejects with the reason. */
  readonly signal: AbortSignal;
  readonly renewMs?: number;
  readonly staleMs?: number;
  readonly lookMs?: number;
}

/** A lock that is held until it is released, unless somebody took it for stale. */
export interface FileLock {
  release(): Promise<void>;
}

/** Waits for the lock `path`, whose directory is there. */
export async function takeLock(path: string, options: LockOptions): Promise<FileLock> {
  const { signal, staleMs = 60_000, lookMs = 200 } = options;
  const token = randomBytes(12).toString('hex');
  const own = `${path}.${token}`;
  const owner = { host: hostname(), pid: process.pid, token };
  await writeFile(own, `${JSON.stringify(owner)}\n`, { mode: 0o600, flag: 'wx' });
  try {
    for (;;) {
      signal.throwIfAborted();
      if (await linkNew(own, path)) return hold(path, own, options);
      await touch(own);
      await breakStale(path, own, staleMs);
      // Not all at once.
      await delay(lookMs * (0.5 + Math.random()), null, { signal });
    }
  } catch (error) {
    await rm(own, { force: true });
    throw signal.aborted ? signal.reason : error;
  }
}

function hold(path: string, own: string, { renewMs = 10_000 }: LockOptions): FileLock {
  // The same file as the lock, as long as that is ours; a failure shows by others' taking over.
  const renew = setInterval(() => void touch(own).catch(() => {}), renewMs);
  renew.unref();
  return {
    async release() {
      clearInterval(renew);
      if (await isSame(own, path)) await rm(path, { force: true });
      await rm(own, { force: true });
    },
  };
}

/** Removes a lock that nobody renews; `own` has just been touched, so its time is that of now. */
async function breakStale(path: string, own: string, staleMs: number): Promise<void> {
  if (!(await isStale(path, own, staleMs))) return;
  const breaker = `${path}.break`;
  // One at a time: the second would remove the lock that the first has taken meanwhile.
  if (!(await linkNew(own, breaker))) {
    if ((await lagMs(breaker, own)) >= staleMs) await rm(breaker, { force: true });
    return;
  }
  try {
    const { token } = await ownerOf(path);
    if (!(await isStale(path, own, staleMs))) return;
    await rm(path, { force: true });
    if (token !== null) await rm(`${path}.${token}`, { force: true });
  } finally {
    await rm(breaker, { force: true });
  }
}

/** Nobody renews it, or its owner was a process of this host that is gone. */
async function isStale(path: string, own: string, staleMs: number): Promise<boolean> {
  const { host, pid } = await ownerOf(path);
  if (host === hostname() && pid !== null && !isRunning(pid)) return true;
  return (await lagMs(path, own)) >= staleMs;
}

/** What a lock says about who has it; nothing when it is gone, or not whole. */
async function ownerOf(path: string) {
  const text = await readFile(path, 'latin1').catch(() => '');
  const [, host = null, pid = null, token = null] =
    /^\{"host":"([^"]+)","pid":(\d+),"token":"([0-9a-f]+)"\}/.exec(text) ?? [];
  return { host, pid: pid === null ? null : Number(pid), token };
}

/** How much older `path` is than `own`; negative when it is gone. */
async function lagMs(path: string, own: string): Promise<number> {
  try {
    const [theirs, ours] = await Promise.all([stat(path), stat(own)]);
    return ours.mtimeMs - theirs.mtimeMs;
  } catch {
    return -1;
  }
}

async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function isSame(one: string, other: string): Promise<boolean> {
  try {
    const [first, second] = await Promise.all([stat(one), stat(other)]);
    return first.ino === second.ino && first.dev === second.dev;
  } catch {
    return false;
  }
}

/** Writes its first octet anew: that takes the time of the directory's machine. */
async function touch(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write('{', 0, 'latin1');
  } finally {
    await file.close();
  }
}
