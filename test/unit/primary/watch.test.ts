// Changes of the configuration file, in all the ways files are changed.

import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { ConfigWatch } from '../../../src/primary/watch.ts';
import { systemTimers } from '../../../src/std/timers.ts';
import { until } from '../../support/deadline.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { FakeTimers, recordEvents } from './fake-fleet.ts';

async function startWatch(context: TestContext, path: string) {
  let changes = 0;
  const watch = new ConfigWatch({
    path,
    readAtMs: Date.now() + 60_000,
    timers: systemTimers,
    events: recordEvents(),
    onChange: () => {
      changes += 1;
    },
  });
  context.after(() => watch.close());
  await watch.ready;
  const untilChanges = (count: number) => {
    return until(() => changes === count, {
      what: `${count} changes`,
      evidence: () => `${changes}`,
    });
  };
  return { untilChanges, count: () => changes };
}

describe('the watch on the configuration file', () => {
  it('notices a file written in place, once however often it is written', async (context) => {
    const folder = createTempDir(context);
    const path = folder.file('a.yaml');
    writeFileSync(path, 'one');
    const { untilChanges } = await startWatch(context, path);
    for (const text of ['t', 'tw', 'two']) writeFileSync(path, text);
    await untilChanges(1);
  });

  it('notices an atomic rename, again and again', async (context) => {
    const folder = createTempDir(context);
    const path = folder.file('a.yaml');
    writeFileSync(path, 'one');
    const { untilChanges } = await startWatch(context, path);
    for (const [index, text] of ['two', 'three'].entries()) {
      writeFileSync(folder.file('new'), text);
      renameSync(folder.file('new'), path);
      await untilChanges(index + 1);
    }
  });

  it('notices the swap of a ..data symlink', async (context) => {
    const folder = createTempDir(context);
    for (const version of ['1', '2']) {
      mkdirSync(folder.file(`..v${version}`));
      writeFileSync(`${folder.file(`..v${version}`)}/a.yaml`, version);
    }
    symlinkSync('..v1', folder.file('..data'));
    symlinkSync('..data/a.yaml', folder.file('a.yaml'));
    const { untilChanges } = await startWatch(context, folder.file('a.yaml'));
    symlinkSync('..v2', folder.file('..data_tmp'));
    renameSync(folder.file('..data_tmp'), folder.file('..data'));
    await untilChanges(1);
  });

  it('keeps quiet when the content is the same, or the file is gone', async (context) => {
    const folder = createTempDir(context);
    const path = folder.file('a.yaml');
    writeFileSync(path, 'one');
    const { untilChanges, count } = await startWatch(context, path);
    rmSync(path);
    writeFileSync(path, 'one');
    writeFileSync(folder.file('other.yaml'), 'x');
    await new Promise((resolve) => setTimeout(resolve, 400));
    assert.equal(count(), 0);
    writeFileSync(path, 'two');
    await untilChanges(1);
  });

  it('notices by polling what no notification told', async (context) => {
    const folder = createTempDir(context);
    const target = createTempDir(context).file('real.yaml');
    writeFileSync(target, 'one');
    symlinkSync(target, folder.file('a.yaml'));
    const timers = new FakeTimers();
    let changes = 0;
    const watch = new ConfigWatch({
      path: folder.file('a.yaml'),
      readAtMs: Date.now() + 60_000,
      timers,
      events: recordEvents(),
      onChange: () => {
        changes += 1;
      },
    });
    context.after(() => watch.close());
    await watch.ready;
    writeFileSync(target, 'two');
    await timers.advance(4900);
    assert.equal(changes, 0);
    await timers.advance(200);
    await until(() => changes === 1, { what: 'the poll sees the change' });
  });

  it('notices a change between the load and its own start', async (context) => {
    const path = createTempDir(context).file('a.yaml');
    const changes: number[] = [];
    for (const readAtMs of [Date.now() - 60_000, Date.now() + 60_000]) {
      writeFileSync(path, 'one');
      const [timers, events] = [new FakeTimers(), recordEvents()];
      const onChange = () => changes.push(readAtMs);
      const watch = new ConfigWatch({ path, readAtMs, timers, events, onChange });
      context.after(() => watch.close());
      await watch.ready;
    }
    assert.equal(changes.length, 1);
  });

  it('says that it only polls when the directory can not be watched', async (context) => {
    const events = recordEvents();
    const path = createTempDir(context).file('missing/a.yaml');
    const timers = new FakeTimers();
    const watch = new ConfigWatch({ path, readAtMs: 0, timers, events, onChange: () => {} });
    context.after(() => watch.close());
    await watch.ready;
    assert.equal(events.list[0]?.message, 'configuration is only polled for changes');
  });
});
