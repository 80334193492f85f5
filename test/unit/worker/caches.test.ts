// The stores of a worker while one configuration takes the place of another: what the sidecar asks for is
// answered once, and nobody waits for a store that is gone.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { parseConfig } from '../../../src/config/parse.ts';
import type { Lease, LeaseSeeker } from '../../../src/core/cache.ts';
import type { CacheToSidecar } from '../../../src/core/cache-link.ts';
import type { CacheHost } from '../../../src/worker/cache/fill-context.ts';
import { Caches } from '../../../src/worker/caches.ts';
import type { ForwardContext } from '../../../src/worker/forward.ts';
import { KeptParts } from '../../../src/worker/kept.ts';
import { until } from '../../support/deadline.ts';
import { storedResponse } from '../../support/stored-response.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const MEMORY = ['8MiB', '16MiB'] as const;

/** A worker whose sidecar is played by the test. */
class Bench {
  readonly runDirectory: string;
  readonly sent: CacheToSidecar[] = [];
  readonly kept = new KeptParts();
  readonly caches: Caches;

  /** `knowsPurges`: the sidecar has told them. */
  constructor(context: TestContext, knowsPurges = true) {
    const folder = createTempDir(context);
    this.runDirectory = folder.path;
    const nothing = () => {};
    this.caches = new Caches({
      send: (message) => this.sent.push(message) > 0,
      events: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      runDirectory: folder.path,
      context: {} as ForwardContext,
      onStored: nothing,
    });
    this.caches.linkChanged(true);
    if (knowsPurges) this.tellPurges();
    context.after(() => {
      this.kept.closeAll();
      this.caches.close();
    });
  }

  tellPurges(): void {
    this.caches.receive({ kind: 'purges', floor: 0, records: [], isPart: false });
  }

  /** Stages a configuration. */
  host(memoryBytes: (typeof MEMORY)[number], cache: object = {}): CacheHost {
    const config = parseConfig({
      cores: 2,
      listeners: [{ port: 1 }],
      upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
      routes: [{ to: 'app', cache: true }],
      cache: { memoryBytes, ...cache },
    });
    return this.caches.hostFor(config, this.kept)!;
  }

  /** Returns the digest under which something was stored. */
  store({ store }: CacheHost, key: string, body: string): string {
    const response = storedResponse(key, { storedAtMs: Date.now(), bodyBytes: body.length });
    this.grant(store, key, (lease) => {
      store.store(response, Buffer.from(body));
      lease.release('stored', response.freshUntilMs);
    });
    const end = this.sent.at(-1)!;
    assert.ok(end.kind === 'lease-end' && end.end === 'stored');
    return end.digest;
  }

  grant(store: CacheHost['store'], key: string, granted: (lease: Lease) => void): void {
    store.lease(key, { granted, shared: () => assert.fail(), denied: () => assert.fail() });
    const seek = this.sent.at(-1)!;
    assert.ok(seek.kind === 'seek');
    this.caches.receive({ kind: 'granted', id: seek.id });
  }

  async handOver(digest: string): Promise<string[]> {
    const before = this.sent.length;
    this.caches.receive({ kind: 'hand-over', digest });
    await until(() => this.sent.length > before, { what: 'an answer' });
    // A second answer would come some turns later.
    await turns(20);
    const handed = this.sent.slice(before);
    return handed.map((message) => (message.kind === 'handed' ? message.file : message.kind));
  }
}

describe('a hand-over while there are two stores', () => {
  for (const holder of ['old', 'new'] as const) {
    it(`is answered once, by the ${holder} one that has it`, async (context) => {
      const bench = new Bench(context);
      const hosts = { old: bench.host('8MiB'), new: bench.host('16MiB') };
      const digest = bench.store(hosts[holder], 'key', 'body');
      const files = await bench.handOver(digest);
      assert.deepEqual([files.length, files[0] !== ''], [1, true], files.join());
      assert.deepEqual(await bench.handOver('never heard of'), ['']);
    });
  }

  it('has a file of its own', async (context) => {
    const bench = new Bench(context);
    const [old, next] = [bench.host('8MiB'), bench.host('16MiB')];
    const digests = [bench.store(old, 'a', 'of a'), bench.store(next, 'b', 'of b')];
    const files = (await Promise.all(digests.map((digest) => bench.handOver(digest)))).flat();
    const names = new Set(bench.sent.flatMap((sent) => (sent.kind === 'handed' ? sent.file : [])));
    assert.equal(names.size, 2, files.join());
    assert.equal(names.has(''), false);
  });
});

describe('a store that is gone', () => {
  it('keeps no lease that it is granted too late', (context) => {
    const bench = new Bench(context);
    const { store } = bench.host('8MiB');
    bench.kept.settle();
    const words: string[] = [];
    const seeker: LeaseSeeker = {
      granted: () => words.push('granted'),
      shared: () => words.push('shared'),
      denied: () => words.push('denied'),
    };
    store.lease('key', seeker);
    const seek = bench.sent.at(-1)!;
    assert.ok(seek.kind === 'seek');
    bench.host('16MiB');
    bench.kept.settle();
    assert.deepEqual(words, ['denied']);
    bench.caches.receive({ kind: 'granted', id: seek.id });
    const { id, digest } = seek;
    assert.deepEqual(bench.sent.at(-1), {
      kind: 'lease-end',
      id,
      digest,
      end: 'failed',
      freshMs: 0,
    });
    store.lease('key', seeker);
    assert.deepEqual(words, ['denied', 'denied'], 'who still has it asks nobody');
  });

  it('leaves no file that it was writing', async (context) => {
    const bench = new Bench(context);
    const digest = bench.store(bench.host('8MiB'), 'key', 'x'.repeat(1_000_000));
    bench.kept.settle();
    const isHanded = () => bench.sent.at(-1)!.kind === 'handed';
    bench.caches.receive({ kind: 'hand-over', digest });
    bench.host('16MiB');
    bench.kept.settle();
    await until(isHanded, { what: 'it is written' });
    await until(() => readdirSync(bench.runDirectory).length === 0, { what: 'no file is left' });
  });
});

describe('the stores of a worker', () => {
  /** A bench with a disk, in a time that stands still; `isOpen` when its caches say so. */
  function opening(context: TestContext, path: string) {
    context.mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    const bench = new Bench(context, false);
    bench.host('8MiB', { disk: { path } });
    const state = { isOpen: false };
    void bench.caches.opened().then(() => {
      state.isOpen = true;
    });
    const isOpenSoon = () => untilTurn(() => state.isOpen);
    return { bench, state, isOpenSoon };
  }

  it('are open when their disks are and all purges are known', async (context) => {
    const { bench, state, isOpenSoon } = opening(context, createTempDir(context).file('cache'));
    await turns(100);
    assert.equal(state.isOpen, false, 'a purge may be missing');
    bench.tellPurges();
    assert.ok(await isOpenSoon());
  });

  it('are open as far as ever when a disk can not be', async (context) => {
    assert.ok(await opening(context, '/dev/null/cache').isOpenSoon());
  });

  it('are waited for two seconds', async (context) => {
    const { state, isOpenSoon } = opening(context, createTempDir(context).file('cache'));
    context.mock.timers.tick(1999);
    await turns(20);
    assert.equal(state.isOpen, false);
    context.mock.timers.tick(1);
    assert.ok(await isOpenSoon());
  });
});

/** Some turns of the loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((next) => setImmediate(next));
}

/** As `until`, while timers stand still. */
async function untilTurn(isSo: () => boolean): Promise<boolean> {
  const endsAtMs = performance.now() + 20_000;
  while (!isSo() && performance.now() < endsAtMs) await turns(1);
  return isSo();
}
