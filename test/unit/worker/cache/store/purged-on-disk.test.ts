// A purge that comes while answers are read from disk: whatever of them is used afterwards was not purged.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MIB } from '../../../../../src/core/limits.ts';
import { systemTimers } from '../../../../../src/std/timers.ts';
import { PurgeEnd } from '../../../../../src/worker/cache/store/purge-end.ts';
import { Store } from '../../../../../src/worker/cache/store/store.ts';
import { until } from '../../../../support/deadline.ts';
import { storedResponse } from '../../../../support/stored-response.ts';
import { createTempDir } from '../../../../support/temp-dir.ts';

const ROUNDS = 100;
/** So long that it is left on disk. */
const LONG = Buffer.alloc(2 * MIB, 'long ');

it('a variant that is purged while another one is read is not used', async (context) => {
  const nothing = () => {};
  const link = { connected: true, nextId: () => 1, send: () => true };
  const purges = new PurgeEnd(link, systemTimers);
  let generation = Date.now();
  const purge = (tag: string, isSoft: 0 | 1) => {
    generation += 1;
    const records = [generation, 'tag', tag, isSoft];
    purges.receive({ kind: 'purges', floor: 0, records, isPart: false });
  };
  purge('nothing', 1);
  const store = new Store({
    ...{ link, purges, timers: systemTimers, isAlone: false, runDirectory: '/dev/null' },
    events: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    memoryBytes: 32 * MIB,
    disk: { path: createTempDir(context).file('cache'), bytes: 10 * MIB },
  });
  context.after(() => {
    store.close();
    purges.close();
  });
  await until(() => store.hasDisk, { what: 'the disk works' });
  const written = () => store.counts()[14]!;
  for (let round = 0; round < ROUNDS; round++) {
    const key = `key-${round}`;
    const before = written();
    for (const varyKey of ['first', 'second']) {
      // The older one is looked at first, and left where it is.
      const storedAtMs = Date.now() - (varyKey === 'first' ? 1000 : 0);
      const own = { varyKey, tags: [`${varyKey}-${round}`], generation, storedAtMs };
      store.store(storedResponse(key, { ...own, bodyBytes: LONG.length }), LONG);
    }
    await until(() => written() === before + 2, { what: 'both are written' });
    store.memory.clear();
    // What is stale is read into memory, which takes a while.
    purge(`second-${round}`, 1);
    const reading = store.fetch(key);
    let isPurged = false;
    const purgeLater = async () => {
      for (let turn = 0; turn < round * 2; turn++) await new Promise((next) => setImmediate(next));
      purge(`first-${round}`, 0);
      isPurged = true;
    };
    const purging = purgeLater();
    const found = (await reading)?.variants ?? [];
    const names = found.map(({ response }) => response.varyKey);
    assert.ok(!isPurged || !names.includes('first'), `after ${round * 2} turns: ${names.join()}`);
    await purging;
    for (const { file } of found) file?.release();
    store.remove(key);
  }
});
