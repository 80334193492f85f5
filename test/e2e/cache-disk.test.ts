// Processes that are killed while they write to the disk tier: whatever is served afterwards is whole, and
// the budget holds.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import test, { describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BlobKeeper } from '../../src/std/blobs/blob-keeper.ts';
import { BlobStore } from '../../src/std/blobs/blob-store.ts';
import { createSeededRandom } from '../support/random.ts';
import { createTempDir } from '../support/temp-dir.ts';
import { bodyOf, headOf, keyOf, keysMax } from './blob-writers/written.ts';

const writer = fileURLToPath(new URL('./blob-writers/writer.ts', import.meta.url));
const bytesMax = 600 * 1024;
const kills = 100;

/** Starts a writer and kills it some milliseconds after it has begun. */
async function writeAndDie(directory: string, seed: number, afterMs: number): Promise<void> {
  const args = [writer, directory, String(seed), String(bytesMax)];
  const child: ChildProcess = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exit = once(child, 'exit');
  await Promise.race([once(child.stdout!, 'data'), exit]);
  assert.equal(child.exitCode, null, `the writer runs until it is killed: ${errors}`);
  await delay(afterMs);
  child.kill('SIGKILL');
  await exit;
}

async function check(directory: string): Promise<number> {
  let wallMs = Date.now();
  const store = new BlobStore({
    ...{ directory, bytesMax, blobBytesMax: 2 ** 20 },
    wallMs: () => wallMs,
  });
  await store.open();
  // An hour later nothing is young any more: what has no file or no row is found out.
  wallMs += 3_600_000;
  const keeper = new BlobKeeper(store);
  await keeper.look();
  await keeper.scan(() => Promise.resolve(true));
  let served = 0;
  for (let at = 0; at <= keysMax; at++) {
    for (const row of store.index.find(keyOf(at).high, keyOf(at).low)) {
      const blob = await store.read(row);
      assert.notEqual(blob, null, `key ${at} has a row and no file after the scan`);
      assert.ok(blob!.head.equals(headOf(at)));
      assert.ok(blob!.body.equals(bodyOf(at, blob!.body.length)), `key ${at}`);
      served += 1;
    }
  }
  assert.equal(store.torn, 0, 'no file under its name was ever half written');
  assert.ok(bytesOnDisk(directory) <= bytesMax, `${bytesOnDisk(directory)}`);
  await keeper.close();
  await store.close();
  return served;
}

function bytesOnDisk(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile() && one.name.length === 40)
    .map((one) => statSync(`${one.parentPath}/${one.name}`).size)
    .reduce((sum, size) => sum + size, 0);
}

describe('the disk tier', () => {
  test('serves only whole objects after 100 kills in the middle of writes', async (context) => {
    const folder = createTempDir();
    context.after(() => folder.remove());
    const directory = folder.file('cache');
    const random = createSeededRandom();
    context.diagnostic(`SLUICE_TEST_SEED=${random.seed}`);
    let [killed, served] = [0, 0];
    const line = async () => {
      while (killed < kills) {
        killed += 1;
        await writeAndDie(directory, killed, random.below(60));
      }
    };
    await Promise.all([line(), line(), line(), line()]);
    served += await check(directory);
    assert.ok(served > 5, `${served} objects are left`);
  });
});
