// Purges on real processes: when one is answered it holds in all workers and on disk, whatever dies.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { askApi } from '../support/admin-api.ts';
import { connectClient } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { type HttpOrigin, startHttpOrigin } from '../support/origin.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { createTempDir } from '../support/temp-dir.ts';

const suite = suiteCleanup();
const workers = 3;
const MIB = 1024 * 1024;
const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** What the origin says now; the number is in every body. */
let version = 1;
let asked = 0;
let origin: HttpOrigin;
let sluice: Sluice;
let disk = '';

before(async () => {
  origin = await startHttpOrigin(
    (incoming, outgoing) => {
      asked += 1;
      const path = incoming.url ?? '';
      const size = path.startsWith('/fill/') ? 20_000 : 0;
      outgoing.writeHead(200, {
        'cache-control': 'max-age=600',
        'surrogate-key': `all-of-it ${path.slice(1)}`,
        etag: `"${version}"`,
      });
      outgoing.end(`${version} ${'x'.repeat(size)}`);
    },
    { context: suite },
  );
  disk = createTempDir(suite).file('cache');
  sluice = await startSluice(
    {
      cores: workers,
      upstreams: { app: { peers: [origin.url] } },
      routes: [{ to: 'app', cache: true }],
      cache: { memoryBytes: '1MiB', disk: { path: disk, bytes: '2MiB' } },
      log: { access: 'off' },
    },
    { context: suite },
  );
});

/** The versions that clients get on so many new connections. */
async function versionsOf(path: string, count = 20): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let at = 0; at < count; at++) {
    const client = await connectClient(sluice.port);
    const answer = await client.request({ target: path, host: 'example.test' });
    seen.add(answer.text().split(' ', 1)[0]!);
    client.close();
  }
  return seen;
}

async function purge(body: object): Promise<void> {
  const { status, text } = await askApi(sluice.adminPort, 'POST /api/cache/purge', { body });
  assert.equal(status, 200, text);
}

interface Shown {
  readonly workers: readonly { readonly diskWorks: boolean; readonly diskWrites: number }[];
  readonly disk: { readonly isWorking: boolean; readonly entries: number; readonly bytes: number };
}

async function shown(): Promise<Shown> {
  return (await askApi(sluice.adminPort, 'GET /api/cache')).json as Shown;
}

/** Bytes of the files that were there at one moment: those of two looks, one after the other. */
function bytesOnDisk(): number {
  const before = new Set(filesOnDisk());
  return filesOnDisk()
    .filter((path) => before.has(path))
    .map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + Math.ceil(size / 4096) * 4096, 0);
}

function filesOnDisk(): string[] {
  return readdirSync(disk, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && one.name.length === 40)
    .map((one) => `${one.parentPath}/${one.name}`);
}

describe('a purge', () => {
  const rows: [string, object][] = [
    ['a URL', { url: 'http://Example.test/one' }],
    ['a prefix', { prefix: 'http://example.test/o' }],
    ['a tag', { tag: 'one' }],
    ['everything', { all: true }],
    ['a tag, to stale', { tag: 'all-of-it', soft: true }],
  ];
  for (const [name, body] of rows) {
    it(`of ${name} holds in all workers and on disk when it is answered`, async () => {
      await versionsOf('/one');
      const known = await versionsOf('/one');
      assert.equal(known.size, 1, 'all workers have the same');
      version += 1;
      assert.deepEqual(await versionsOf('/one'), known, 'and keep it');
      await purge(body);
      assert.deepEqual(await versionsOf('/one'), new Set([`${version}`]));
    });
  }

  it('leaves alone what it does not name', async () => {
    const known = await versionsOf('/two');
    version += 1;
    await purge({ url: 'http://example.test/tw' });
    await purge({ tag: 'tw' });
    assert.deepEqual(await versionsOf('/two'), known);
  });

  it('is made by the command line', async () => {
    await versionsOf('/three');
    version += 1;
    const args = [main, 'purge', '--prefix', 'http://example.test/th'];
    const child = spawn(process.execPath, [...args, '--admin', `127.0.0.1:${sluice.adminPort}`]);
    let said = '';
    child.stdout.on('data', (part) => {
      said += part;
    });
    const [code] = await once(child, 'close');
    assert.deepEqual([code, said], [0, `purged in all ${workers} workers\n`]);
    assert.deepEqual(await versionsOf('/three'), new Set([`${version}`]));
  });

  it('holds after all processes died, and what it did not name comes back from disk', async () => {
    const kept = await versionsOf('/kept', 1);
    await versionsOf('/four', 1);
    const writes = async () => {
      return (await shown()).workers.reduce((sum, { diskWrites }) => sum + diskWrites, 0);
    };
    // What has just been stored may be told a second later.
    let before = -1;
    await until(
      async () => {
        const now = await writes();
        const isSettled = now > 0 && now === before;
        before = now;
        if (!isSettled) await delay(1200);
        return isSettled;
      },
      { what: 'both are on disk' },
    );
    version += 1;
    await purge({ tag: 'four' });
    await killAll();
    assert.deepEqual(await versionsOf('/four'), new Set([`${version}`]));
    const askedBefore = asked;
    assert.deepEqual(await versionsOf('/kept'), kept);
    assert.equal(asked, askedBefore, 'nobody asked the origin');
  });
});

/** Kills all workers and the sidecar, and waits for new ones that have their disk. */
async function killAll(): Promise<void> {
  const before = [...sluice.workers(), sluice.sidecar()!];
  for (const pid of before) process.kill(pid, 'SIGKILL');
  const isNew = async () => {
    const now = [...sluice.workers(), sluice.sidecar()];
    if (now.length !== before.length || now.some((pid) => before.includes(pid!))) return false;
    const { workers: counts } = await shown().catch(() => ({ workers: [] }));
    return counts.length === workers && counts.every(({ diskWorks }) => diskWorks);
  };
  await until(isNew, { what: 'new workers with a disk', deadlineMs: 30_000 });
}

describe('the tiers', () => {
  it('keep their budgets under ten times as much', async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => connectClient(sluice.port)));
    let most = 0;
    for (let at = 0; at < 1000; at += clients.length) {
      await Promise.all(clients.map((client, n) => client.request({ target: `/fill/${at + n}` })));
      if (at % 100 === 0) most = Math.max(most, bytesOnDisk());
    }
    for (const client of clients) client.close();
    assert.ok(most > MIB && most <= 2 * MIB, `${most} bytes on disk`);
    const { workers: all } = (await askApi(sluice.adminPort, 'GET /api/cache')).json as {
      workers: { bytes: number; bytesMax: number }[];
    };
    for (const { bytes, bytesMax } of all) assert.ok(bytes <= bytesMax, `${bytes}`);
  });
});
