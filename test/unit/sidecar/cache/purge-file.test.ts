// Purges beside the files that they concern: kept over restarts, whatever was the last thing written.

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { PurgeLog, type PurgeRecord } from '../../../../src/core/purge-log.ts';
import { PurgeFile } from '../../../../src/sidecar/cache/purge-file.ts';
import { createTempDir } from '../../../support/temp-dir.ts';

const recordOf = (generation: number): PurgeRecord => {
  return { generation, kind: 'tag', value: `tag ${generation % 50}`, isSoft: generation % 2 === 0 };
};

describe('the file of purges', () => {
  test('says after a restart what was kept, without the line that was half written', async (context) => {
    const directory = createTempDir(context).path;
    const file = new PurgeFile(directory, new PurgeLog());
    assert.deepEqual(await file.open(), { floor: 0, records: [] });
    const records = [recordOf(1), recordOf(2), recordOf(3)];
    const kept = await Promise.all(records.map((record) => file.keep([record])));
    assert.deepEqual(kept, [true, true, true]);
    await file.close();
    assert.equal(await file.keep([recordOf(4)]), false);
    appendFileSync(join(directory, 'purges.jsonl'), '[4,"all');
    const later = new PurgeFile(directory, new PurgeLog());
    assert.deepEqual(await later.open(), { floor: 0, records });
    await later.keep([recordOf(5)]);
    await later.close();
    const last = new PurgeFile(directory, new PurgeLog());
    const read = await last.open();
    assert.deepEqual(read.records, [...records, recordOf(5)]);
    await last.close();
  });

  test('trusts nothing from before when a line is damaged', async (context) => {
    const directory = createTempDir(context).path;
    const before = Date.now();
    appendFileSync(join(directory, 'purges.jsonl'), '[1,"tag","a",0]\n%&/\n');
    const file = new PurgeFile(directory, new PurgeLog());
    const { floor, records } = await file.open();
    assert.equal(records.length, 1);
    assert.ok(floor >= before);
    await file.close();
  });

  test('does not grow without end', async (context) => {
    const directory = createTempDir(context).path;
    const log = new PurgeLog();
    const file = new PurgeFile(directory, log);
    await file.open();
    for (let generation = 1; generation <= 10_000; generation += 500) {
      const records = Array.from({ length: 500 }, (_, at) => recordOf(generation + at));
      for (const record of records) log.add(record);
      assert.ok(await file.keep(records));
    }
    await file.close();
    const lines = readFileSync(join(directory, 'purges.jsonl'), 'utf8').split('\n').length;
    assert.ok(lines < 6000, `${lines}`);
    const later = new PurgeFile(directory, new PurgeLog());
    const again = new PurgeLog();
    for (const record of (await later.open()).records) again.add(record);
    assert.deepEqual(again.since(0), log.since(0));
    await later.close();
  });
});
