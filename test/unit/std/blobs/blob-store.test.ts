// Blobs in a directory that several processes share: what one puts others read, torn files are misses, the
// budget holds, and whatever is lost is found again or cleared away.

import assert from 'node:assert/strict';
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { describe, type TestContext } from 'node:test';
import { BlobKeeper } from '../../../../src/std/blobs/blob-keeper.ts';
import { BlobStore } from '../../../../src/std/blobs/blob-store.ts';
import { createSeededRandom } from '../../../support/random.ts';
import { createTempDir } from '../../../support/temp-dir.ts';

const KIB = 1024;
const head = Buffer.from('{"a":1}');

let wallMs = 1_800_000_000_000;

async function openStore(
  context: TestContext,
  directory: string,
  bytesMax = 1024 * KIB,
): Promise<BlobStore> {
  const blobBytesMax = 20 * 1024 * KIB;
  const store = new BlobStore({ directory, bytesMax, blobBytesMax, wallMs: () => wallMs });
  await store.open();
  context.after(() => store.close());
  return store;
}

function directoryOf(context: TestContext): string {
  const folder = createTempDir();
  context.after(() => folder.remove());
  return folder.file('cache');
}

const keyOf = (at: number) => ({ high: (at * 0x01000193) >>> 0, low: at, variant: 0 });

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && /^[0-9a-f]{40}$/.test(one.name))
    .map((one) => join(one.parentPath, one.name));
}

describe('the store of blobs', () => {
  test('lets one process read what another has put', async (context) => {
    const directory = directoryOf(context);
    const [one, other] = [await openStore(context, directory), await openStore(context, directory)];
    const body = createSeededRandom(1).bytes(300 * KIB);
    assert.ok(await one.put(keyOf(1), head, body));
    await other.log.refresh();
    const [row] = other.index.find(keyOf(1).high, 1);
    const blob = await other.read(row!);
    assert.deepEqual(blob?.head, head);
    assert.ok(blob?.body.equals(body));
    const third = await openStore(context, directory);
    assert.equal(third.index.length, 1, 'and so does one that comes later');
  });

  test('replaces a blob and its file', async (context) => {
    const directory = directoryOf(context);
    const store = await openStore(context, directory);
    await store.put(keyOf(1), head, Buffer.from('old'));
    await store.put(keyOf(1), head, Buffer.from('new'));
    assert.equal((await store.read(store.index.get(keyOf(1))!))?.body.toString(), 'new');
    assert.equal(filesIn(directory).length, 1);
    assert.deepEqual(readdirSync(join(directory, 'new')), []);
  });

  test('takes what is not whole for a miss, and away', async (context) => {
    const directory = directoryOf(context);
    const store = await openStore(context, directory);
    for (const damage of ['cut', 'flip', 'grow', 'empty', 'foreign']) {
      await store.put(keyOf(1), head, Buffer.alloc(9000, damage));
      const row = store.index.get(keyOf(1))!;
      const path = store.pathOf(row);
      if (damage === 'cut') truncateSync(path, 5000);
      if (damage === 'empty') truncateSync(path, 0);
      if (damage === 'grow') appendFileSync(path, 'x');
      if (damage === 'foreign') writeFileSync(path, Buffer.alloc(9055));
      if (damage === 'flip') {
        const bytes = readFileSync(path);
        bytes[4000]! ^= 1;
        writeFileSync(path, bytes);
      }
      assert.equal(await store.read(row), null, damage);
      assert.equal(store.index.get(keyOf(1)), null);
      assert.deepEqual(filesIn(directory), []);
    }
    assert.equal(store.torn, 5);
  });

  test('keeps no file whose row had to make room while it was written', async (context) => {
    const directory = directoryOf(context);
    const [store, other] = [
      await openStore(context, directory),
      await openStore(context, directory),
    ];
    const body = Buffer.alloc(400 * KIB, 'x');
    const takeAway = async (round: number) => {
      while (other.index.get(keyOf(round)) === null) await other.log.refresh();
      await other.remove([other.index.get(keyOf(round))!]);
    };
    for (let round = 0; round < 20; round++) {
      await Promise.all([store.put(keyOf(round), head, body), takeAway(round)]);
      assert.deepEqual(filesIn(directory), []);
    }
    assert.deepEqual(readdirSync(join(directory, 'new')), []);
  });

  test('never has more on disk than its budget, with two writers and ten times as much', async (context) => {
    const directory = directoryOf(context);
    const stores = [await openStore(context, directory), await openStore(context, directory)];
    const keeper = new BlobKeeper(await openStore(context, directory));
    const random = createSeededRandom(3);
    let [offered, kept] = [0, 0];
    for (let round = 0; offered < 10 * 1024 * KIB; round++) {
      const puts = stores.map(async (store, at) => {
        const body = random.bytes(1 + random.below(60 * KIB));
        offered += body.length;
        wallMs += 10;
        if (await store.put(keyOf(round * 2 + at), head, body)) kept += 1;
      });
      await Promise.all(puts);
      const bytes = filesIn(directory).reduce((sum, path) => {
        return sum + Math.ceil(statSync(path).size / 4096) * 4096;
      }, 0);
      assert.ok(bytes <= 1024 * KIB, `${bytes}`);
      if (round % 4 === 0) await keeper.look();
    }
    assert.ok(kept > 100, `${kept}`);
    assert.ok(keeper.evicted > 50, `${keeper.evicted}`);
  });

  test('never has more on disk than its budget when several replace the same', async (context) => {
    const directory = directoryOf(context);
    const bytesMax = 200 * KIB;
    const open = () => openStore(context, directory, bytesMax);
    const stores = [await open(), await open(), await open()];
    const random = createSeededRandom(4);
    for (let round = 0; round < 60; round++) {
      const puts = stores.map(async (store) => {
        for (let turn = random.below(4); turn > 0; turn--) await store.log.refresh();
        const body = random.bytes(1 + random.below(40 * KIB));
        await store.put(keyOf(random.below(3)), head, body);
      });
      await Promise.all(puts);
      const [store] = stores;
      await store!.log.refresh();
      const rows = [...store!.index.rows()].map((row) => store!.pathOf(row));
      assert.deepEqual(filesIn(directory).sort(), rows.sort(), `round ${round}`);
    }
  });

  test('refuses what does not fit when nobody makes room', async (context) => {
    const store = await openStore(context, directoryOf(context), 64 * KIB);
    assert.ok(await store.put(keyOf(1), head, Buffer.alloc(40 * KIB)));
    assert.ok(!(await store.put(keyOf(2), head, Buffer.alloc(40 * KIB))));
    assert.ok(await store.put(keyOf(1), head, Buffer.alloc(50 * KIB, 'x')), 'in its own place');
  });

  test('is the same after the log was written anew, also for who had it open', async (context) => {
    const directory = directoryOf(context);
    const other = await openStore(context, directory);
    const own = await openStore(context, directory);
    const keeper = new BlobKeeper(own);
    context.after(() => keeper.close());
    for (let round = 0; round < 400; round++) {
      await other.put(keyOf(round % 7), head, Buffer.from(`${round}`));
      for (let n = 0; n < 4; n++) {
        const row = other.index.get(keyOf(round % 7))!;
        await other.log.append(Array.from({ length: 8 }, () => ({ kind: 'use' as const, row })));
      }
    }
    const before = statSync(join(directory, 'index.log')).size;
    await keeper.look();
    assert.ok(statSync(join(directory, 'index.log')).size < before / 10);
    // Not told yet, it still writes into the former log.
    const late = { ...other.index.get(keyOf(1))!, high: 77, low: 77 };
    await other.log.append([{ kind: 'put', row: late }]);
    await keeper.look();
    await other.log.refresh();
    assert.equal(other.index.length, 8);
    assert.deepEqual([...other.index.rows()].length, [...own.index.rows()].length);
    assert.deepEqual(other.index.get(late)?.sumLow, late.sumLow);
  });

  test('finds files again when the log is lost, and clears away what is of no use', async (context) => {
    const directory = directoryOf(context);
    const first = await openStore(context, directory);
    for (let at = 0; at < 20; at++) await first.put(keyOf(at), head, Buffer.from(`${at}`));
    await first.close();
    rmSync(join(directory, 'index.log'));
    writeFileSync(join(directory, 'new', '999999999-1'), 'half');
    writeFileSync(join(directory, '00', 'what-is-this'), 'x');
    wallMs = Date.now();
    const old = new Date(wallMs - 3_600_000);
    for (const path of [...filesIn(directory), join(directory, '00', 'what-is-this')]) {
      utimesSync(path, old, old);
    }
    const store = await openStore(context, directory);
    assert.equal(store.index.length, 0);
    const gone = { ...keyOf(99), sumHigh: 1, sumLow: 2, blocks: 3, usedS: 1 };
    await store.log.append([{ kind: 'put', row: gone }]);
    const keeper = new BlobKeeper(store);
    await keeper.look();
    await keeper.scan(() => Promise.resolve(true));
    assert.equal(keeper.adopted, 20);
    assert.equal(keeper.cleared, 3);
    assert.equal(store.index.length, 20);
    for (let at = 0; at < 20; at++) {
      assert.equal((await store.read(store.index.get(keyOf(at))!))?.body.toString(), `${at}`);
    }
  });

  test('clears away soon what processes have begun that are gone', async (context) => {
    const directory = directoryOf(context);
    const keeper = new BlobKeeper(await openStore(context, directory));
    await keeper.scan(() => Promise.resolve(true));
    const begun = (pid: number) => join(directory, 'new', `${pid}-1`);
    // No process has the first number; the parent of this one runs.
    for (const pid of [999_999_999, process.ppid]) writeFileSync(begun(pid), 'half');
    wallMs += 9000;
    await keeper.look();
    assert.equal(readdirSync(join(directory, 'new')).length, 2);
    wallMs += 2000;
    await keeper.look();
    assert.deepEqual(readdirSync(join(directory, 'new')), [`${process.ppid}-1`]);
  });

  test('reads on behind a damaged record, and has the log written anew', async (context) => {
    const directory = directoryOf(context);
    const store = await openStore(context, directory);
    await store.put(keyOf(1), head, Buffer.from('1'));
    appendFileSync(join(directory, 'index.log'), Buffer.alloc(36, 7));
    await store.put(keyOf(2), head, Buffer.from('2'));
    assert.equal(store.log.broken, 1);
    assert.equal(store.index.length, 2);
    const keeper = new BlobKeeper(store);
    context.after(() => keeper.close());
    keeper.needsScan = false;
    await keeper.look();
    assert.ok(keeper.needsScan);
    const later = await openStore(context, directory);
    assert.equal(later.log.broken, 0);
    assert.equal(later.index.length, 2);
  });

  test('takes what comes while another process replaces the log', async (context) => {
    const directory = directoryOf(context);
    const [one, other] = [await openStore(context, directory), await openStore(context, directory)];
    for (let round = 0; round < 20; round++) {
      const rest = await other.log.compact();
      const isRead = one.log.refresh();
      // Now it may stand in the former log, or between that one and the next.
      for (let at = 0; at < round; at++) await new Promise((resolve) => setImmediate(resolve));
      await one.put(keyOf(round), head, Buffer.from('1'));
      await isRead;
      await rest.close();
    }
  });
});
