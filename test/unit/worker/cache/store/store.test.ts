// The store of a worker with its tiers: what goes to disk and comes back, what a failing disk does (nothing),
// and how answers are handed from one worker to another.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import type { CacheToSidecar } from '../../../../../src/core/cache-link.ts';
import type { Events } from '../../../../../src/core/events.ts';
import { systemTimers, type Timers } from '../../../../../src/std/timers.ts';
import { PurgeEnd } from '../../../../../src/worker/cache/store/purge-end.ts';
import { Store } from '../../../../../src/worker/cache/store/store.ts';
import { until } from '../../../../support/deadline.ts';
import { storedResponse } from '../../../../support/stored-response.ts';
import { createTempDir } from '../../../../support/temp-dir.ts';

const MIB = 1024 * 1024;
const body = Buffer.from('hello');

interface Bench {
  readonly store: Store;
  readonly purges: PurgeEnd;
  readonly sent: CacheToSidecar[];
  readonly events: string[];
}

interface BenchOptions {
  readonly path?: string;
  readonly runDirectory?: string;
  readonly memoryBytes?: number;
  readonly connected?: boolean;
  readonly timers?: Timers;
}

/** A store whose sidecar is played by the test. */
function open(context: TestContext, options: BenchOptions = {}): Bench {
  const sent: CacheToSidecar[] = [];
  const messages: string[] = [];
  const note = (_: unknown, message: string) => void messages.push(message);
  const events: Events = { debug: note, info: note, warn: note, error: note };
  let lastId = 0;
  const link = {
    connected: options.connected ?? true,
    nextId: () => {
      lastId += 1;
      return lastId;
    },
    send: (message: CacheToSidecar) => {
      sent.push(message);
      return true;
    },
  };
  const purges = new PurgeEnd(link, systemTimers);
  purges.receive({ kind: 'purges', floor: 0, records: [], isPart: false });
  const { path, runDirectory = '/dev/null', memoryBytes = MIB } = options;
  const timers = options.timers ?? systemTimers;
  const store = new Store({
    ...{ memoryBytes, events, link, purges, runDirectory, timers, isAlone: false },
    disk: path === undefined ? null : { path, bytes: 10 * MIB },
  });
  context.after(() => {
    store.close();
    purges.close();
  });
  return { store, purges, sent, events: messages };
}

const fresh = (key: string, changes = {}) =>
  storedResponse(key, { storedAtMs: Date.now(), ...changes });
const countOf = (store: Store, name: 'diskWrites' | 'diskWorks') => {
  return store.counts()[name === 'diskWrites' ? 14 : 17]!;
};

function blobsIn(path: string): string[] {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' });
  return names.map((name) => join(path, name)).filter((file) => statSync(file).isFile());
}

function overwrite(file: string, offset: number): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, 'X', offset);
  closeSync(handle);
}

describe('the store', () => {
  test('brings back from disk what another one stored, with all its variants', async (context) => {
    const path = createTempDir(context).file('cache');
    const first = open(context, { path });
    await until(() => first.store.hasDisk, { what: 'the disk works' });
    const long = Buffer.alloc(300_000, 'x');
    first.store.store(fresh('a', { varyKey: 'de', headers: ['x-b', '\xe9\xff'] }), body);
    first.store.store(fresh('a', { varyKey: 'en' }), long);
    await until(() => countOf(first.store, 'diskWrites') === 2, { what: 'both are written' });
    const second = open(context, { path });
    await until(() => second.store.hasDisk, { what: 'the disk works' });
    assert.equal(second.store.find('a'), null);
    assert.equal(await second.store.fetch('b'), null);
    const entry = await second.store.fetch('a');
    const byVary = new Map(entry!.variants.map((one) => [one.response.varyKey, one]));
    assert.deepEqual(Buffer.from(byVary.get('de')!.body), body);
    assert.deepEqual(byVary.get('de')!.response.headers, ['x-b', '\xe9\xff']);
    assert.ok(long.equals(byVary.get('en')!.body));
    assert.equal(second.store.find('a')?.variants.length, 2, 'it is in memory now');
  });

  test('brings nothing back that was purged or removed meanwhile, and makes stale', async (context) => {
    const path = createTempDir(context).file('cache');
    const { store, purges } = open(context, { path });
    await until(() => store.hasDisk, { what: 'the disk works' });
    for (const key of ['gone', 'soft', 'removed']) store.store(fresh(key, { tags: [key] }), body);
    await until(() => countOf(store, 'diskWrites') === 3, { what: 'all are written' });
    const generation = Date.now();
    purges.receive({
      ...{ kind: 'purges', floor: 0, isPart: false },
      records: [generation, 'tag', 'gone', 0, generation + 1, 'tag', 'soft', 1],
    });
    store.remove('removed');
    store.memory.clear();
    assert.equal(await store.fetch('gone'), null);
    assert.equal(await store.fetch('removed'), null);
    const [variant] = (await store.fetch('soft'))!.variants;
    assert.ok(variant!.response.freshUntilMs <= generation + 1);
  });

  test('serves what is too large for memory straight from disk', async (context) => {
    const path = createTempDir(context).file('cache');
    const { store } = open(context, { path, memoryBytes: 100_000 });
    await until(() => store.hasDisk, { what: 'the disk works' });
    store.store(fresh('a'), Buffer.alloc(90_000, 'x'));
    await until(() => countOf(store, 'diskWrites') === 1, { what: 'it is written' });
    assert.equal(store.find('a'), null);
    assert.equal((await store.fetch('a'))?.variants[0]?.body.byteLength, 90_000);
  });

  test('leaves on disk what is fresh and too long to be moved to memory, and brings the rest', async (context) => {
    const path = createTempDir(context).file('cache');
    const { store, purges } = open(context, { path, memoryBytes: 32 * MIB });
    await until(() => store.hasDisk, { what: 'the disk works' });
    const long = Buffer.alloc(2 * MIB, 'long ');
    const stale = { freshUntilMs: Date.now() - 1 };
    store.store(fresh('fresh', { bodyBytes: long.length }), long);
    store.store(fresh('stale', { ...stale, bodyBytes: long.length }), long);
    store.store(fresh('torn', { bodyBytes: long.length }), Buffer.alloc(2 * MIB, 'torn'));
    await until(() => countOf(store, 'diskWrites') === 3, { what: 'all are written' });
    store.memory.clear();
    const [onDisk] = (await store.fetch('fresh'))!.variants;
    assert.deepEqual([onDisk!.body.byteLength, onDisk!.file?.byteLength], [0, long.length]);
    assert.equal(store.find('fresh'), null);
    const part = Buffer.alloc(100_000);
    assert.equal(await onDisk!.file!.read(part, 1_500_000), true);
    assert.ok(part.equals(long.subarray(1_500_000, 1_600_000)));
    assert.equal((await store.fetch('stale'))!.variants[0]!.body.byteLength, long.length);
    assert.equal(store.find('stale')?.variants.length, 1, 'it will be validated');
    // What is open can be read to its end, whatever happens to its name.
    store.remove('fresh');
    await until(async () => (await store.fetch('fresh')) === null, { what: 'it is gone' });
    assert.equal(await onDisk!.file!.read(part, 0), true);
    onDisk!.file!.release();
    const blobs = blobsIn(path).filter((file) => statSync(file).size > MIB);
    for (const file of blobs) overwrite(file, 1_900_000);
    assert.equal(
      await store.fetch('torn'),
      null,
      'the checksum is looked at before anything is sent',
    );
    const { url } = fresh('stale');
    void store.purge({ kind: 'url', value: url, isSoft: false });
    assert.equal(await store.fetch('stale'), null, 'it is being purged');
    purges.disconnected();
  });

  test('goes on without a disk that cannot be opened, and says so once', async (context) => {
    const { store, events } = open(context, { path: '/dev/null/cache' });
    await until(() => events.length > 0, { what: 'an event' });
    store.store(fresh('a'), body);
    assert.equal(await store.fetch('b'), null);
    assert.equal(store.find('a')?.variants.length, 1);
    assert.equal(store.hasDisk, false);
    assert.deepEqual(events, ['the disk of the cache fails: going on without']);
  });

  test('waits no longer than 5 s for a disk that hangs', async (context) => {
    const path = createTempDir(context).file('cache');
    let isImpatient = false;
    const after: Timers['after'] = (ms, then) =>
      systemTimers.after(isImpatient && ms === 5000 ? 50 : ms, then);
    const { store, events } = open(context, { path, timers: { ...systemTimers, after } });
    await until(() => store.hasDisk, { what: 'the disk works' });
    store.store(fresh('a'), body);
    await until(() => countOf(store, 'diskWrites') === 1, { what: 'it is written' });
    const [name = ''] = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((one) =>
      /[0-9a-f]{40}$/.test(one),
    );
    // To open a pipe for reading takes until somebody writes into it.
    rmSync(join(path, name));
    execFileSync('mkfifo', [join(path, name)]);
    store.memory.clear();
    isImpatient = true;
    try {
      assert.equal(await store.fetch('a'), null);
    } finally {
      closeSync(openSync(join(path, name), constants.O_RDWR));
    }
    assert.equal(store.hasDisk, false);
    assert.equal(events.length, 1);
  });

  test('turns off a disk that fails while it is used', async (context) => {
    const path = createTempDir(context).file('cache');
    const { store, events } = open(context, { path });
    await until(() => store.hasDisk, { what: 'the disk works' });
    // Files where directories should be: even root cannot write there.
    rmSync(join(path, 'new'), { recursive: true });
    writeFileSync(join(path, 'new'), '');
    for (let at = 0; at < 20; at++) store.store(fresh(`${at}`), body);
    await until(() => !store.hasDisk, { what: 'the disk is off' });
    assert.equal(store.find('7')?.variants.length, 1);
    assert.equal(await store.fetch('x'), null);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(events.length, 1, events.join());
  });

  test('hands over the variant that the lease was for, packed or not', async (context) => {
    const runDirectory = createTempDir(context).path;
    const { store, sent } = open(context, { runDirectory });
    const variants = [
      { ...fresh('a'), varyKey: 'accept-language:=de\n' },
      { ...fresh('a'), varyKey: 'accept-language:=en\n' },
    ];
    for (const response of variants) {
      store.lease(`a\0${response.varyKey}`, {
        granted: (lease) => {
          store.store(response, body);
          lease.release('stored', response.freshUntilMs);
        },
        shared: () => assert.fail(),
        denied: () => assert.fail(),
      });
      const seek = sent.at(-1)!;
      store.receive({ kind: 'granted', id: 'id' in seek ? seek.id : 0 });
    }
    const digests = sent.flatMap((one) => (one.kind === 'lease-end' ? [one.digest] : []));
    assert.equal(new Set(digests).size, 2);
    for (const [at, digest] of digests.entries()) {
      const before = sent.length;
      store.receive({ kind: 'hand-over', digest });
      await until(() => sent.length > before, { what: 'an answer' });
      const handed = sent.at(-1)!;
      assert.ok(handed.kind === 'handed' && handed.file !== '');
      const { store: other, sent: asked } = open(context, { runDirectory });
      await new Promise<void>((shared) => {
        const fail = () => assert.fail();
        other.lease('a', { granted: fail, shared, denied: fail });
        const seek = asked.at(-1)!;
        other.receive({ kind: 'shared', id: 'id' in seek ? seek.id : 0, file: handed.file });
      });
      const taken = other.find('a')!.variants.map(({ response }) => response.varyKey);
      assert.deepEqual(taken, [variants[at]!.varyKey]);
    }
  });

  test('hands over an answer that varies otherwise than was expected', async (context) => {
    const { store, sent } = open(context, { runDirectory: createTempDir(context).path });
    store.lease('a\0accept-language:=de\n', {
      granted: (lease) => {
        store.store(fresh('a'), body);
        lease.release('stored', fresh('a').freshUntilMs);
      },
      shared: () => assert.fail(),
      denied: () => assert.fail(),
    });
    const seek = sent.at(-1)!;
    store.receive({ kind: 'granted', id: 'id' in seek ? seek.id : 0 });
    const end = sent.at(-1)!;
    store.receive({ kind: 'hand-over', digest: 'digest' in end ? end.digest : '' });
    await until(() => sent.at(-1)?.kind === 'handed', { what: 'an answer' });
    const handed = sent.at(-1)!;
    assert.ok(handed.kind === 'handed' && handed.file !== '');
  });

  test('hands over to others what it has stored under a lease, in a file that goes away', async (context) => {
    const runDirectory = createTempDir(context).path;
    writeFileSync(join(runDirectory, 'answer-999999999-1'), 'of a dead worker');
    const [one, other] = [open(context, { runDirectory }), open(context, { runDirectory })];
    one.store.lease('a', {
      granted: (lease) => {
        const { response } = one.store.store(fresh('a'), body);
        lease.release('stored', response.freshUntilMs);
      },
      shared: () => assert.fail(),
      denied: () => assert.fail(),
    });
    const [seek] = one.sent.slice(-1);
    assert.equal(seek?.kind, 'seek');
    one.store.receive({ kind: 'granted', id: 'id' in seek ? seek.id : 0 });
    const end = one.sent.at(-1)!;
    assert.ok(end.kind === 'lease-end' && end.end === 'stored' && end.freshMs > 50_000);
    one.store.receive({ kind: 'hand-over', digest: end.digest });
    await until(() => one.sent.at(-1)?.kind === 'handed', { what: 'it is handed over' });
    const handed = one.sent.at(-1)!;
    const file = handed.kind === 'handed' ? handed.file : '';
    assert.notEqual(file, '');
    const isShared = new Promise<void>((shared) => {
      const fail = () => assert.fail();
      other.store.lease('a', { granted: fail, shared, denied: fail });
    });
    const asked = other.sent.at(-1)!;
    other.store.receive({ kind: 'shared', id: 'id' in asked ? asked.id : 0, file });
    await isShared;
    assert.deepEqual(Buffer.from(other.store.find('a')!.variants[0]!.body), body);
    one.store.receive({ kind: 'hand-over', digest: 'never heard of' });
    await until(() => one.sent.at(-1) !== handed, { what: 'an answer' });
    assert.deepEqual(one.sent.at(-1), { kind: 'handed', digest: 'never heard of', file: '' });
    one.store.close();
    await until(() => readdirSync(runDirectory).length === 0, { what: 'no file is left' });
  });

  test('reads nothing from outside of the run directory', async (context) => {
    const folder = createTempDir(context);
    mkdirSync(folder.file('run'));
    const { store, sent } = open(context, { runDirectory: folder.file('run') });
    const isDenied = new Promise<void>((denied) => {
      store.lease('a', { granted: () => assert.fail(), shared: () => assert.fail(), denied });
    });
    const asked = sent.at(-1)!;
    store.receive({ kind: 'shared', id: 'id' in asked ? asked.id : 0, file: '../secret' });
    await isDenied;
  });

  test('holds to a purge before the sidecar has numbered it, and to all of them without', async (context) => {
    const { store, purges, sent } = open(context);
    for (const key of ['a', 'b', 'c']) store.store(fresh(key, { tags: [`of-${key}`] }), body);
    const { url } = store.find('a')!.variants[0]!.response;
    const first = store.purge({ kind: 'url', value: url, isSoft: false });
    const second = store.purge({ kind: 'tag', value: 'of-b', isSoft: false });
    const found = (key: string) => store.find(key)?.variants.length;
    assert.deepEqual([found('a'), found('b'), found('c')], [0, 0, 1]);
    assert.ok(store.find('a')!.passUntilMs > Date.now(), 'nobody waits for what is fetched now');
    const { id } = sent.find((message) => message.kind === 'purge')!;
    purges.receive({ kind: 'purged', id, isComplete: true });
    assert.equal(await first, true);
    assert.equal(found('a'), 1, 'what the sidecar says counts from here on');
    purges.disconnected();
    assert.equal(await second, false);
    assert.deepEqual([found('b'), found('c')], [undefined, 1]);
    const askedBefore = sent.filter((message) => message.kind === 'purge').length;
    purges.connected();
    const asked = sent.filter((message) => message.kind === 'purge').slice(askedBefore);
    assert.deepEqual(
      asked.map(({ what, value }) => [what, value]),
      [['tag', 'of-b']],
      'the next sidecar is asked again',
    );
  });

  test('collapses in this worker alone without a sidecar, and purges here', async (context) => {
    const { store } = open(context, { connected: false });
    const words: string[] = [];
    const seeker = (name: string) => ({
      granted: (lease: { release(end: 'failed' | 'stored', freshUntilMs: number): void }) => {
        words.push(`${name} granted`);
        if (name === 'first') setImmediate(() => lease.release('failed', 0));
        if (name === 'second') setImmediate(() => lease.release('stored', 0));
      },
      shared: () => void words.push(`${name} shared`),
      denied: () => void words.push(`${name} denied`),
    });
    for (const name of ['first', 'second', 'third', 'fourth']) store.lease('a', seeker(name));
    await until(() => words.length === 4, { what: 'all are answered' });
    assert.deepEqual(words, ['first granted', 'second granted', 'third shared', 'fourth shared']);
    store.store(fresh('a', { generation: store.generation }), body);
    const isComplete = await store.purge({ kind: 'all', value: '', isSoft: false });
    assert.equal(isComplete, false);
    assert.equal(store.find('a'), null);
  });
});
