// Files with peers, read and watched for real; only time is held.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import type { Config } from '../../../src/config/schema.ts';
import { PeerFiles } from '../../../src/primary/peer-files.ts';
import { systemTimers } from '../../../src/std/timers.ts';
import { until } from '../../support/deadline.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { recordEvents, testConfig } from './fake-fleet.ts';

function configOf(file: string | null): Config {
  const app = { peers: ['http://127.0.0.1:9001'], discovery: { file } };
  return testConfig({ upstreams: { app } });
}

function start(context: TestContext) {
  const folder = createTempDir(context);
  const events = recordEvents();
  const told: string[] = [];
  const state = { isUsable: true };
  // Waits of whole seconds pass at once; the short ones of the watch stay as they are.
  const after: typeof systemTimers.after = (delayMs, callback) => {
    return systemTimers.after(delayMs >= 5000 ? 20 : delayMs, callback);
  };
  const files = new PeerFiles({
    timers: { ...systemTimers, after },
    events,
    async onChange(upstream, peers) {
      told.push(`${upstream}: ${peers.map(({ url }) => url).join(' ')}`);
      return state.isUsable;
    },
  });
  context.after(() => files.close());
  return { folder, events: events.list, told, state, files };
}

describe('files with peers', () => {
  it('are read, and what can not be read is told and left out', async (context) => {
    const { folder, files, events } = start(context);
    const file = folder.file('peers.yaml');
    assert.equal((await files.read(configOf(null))).size, 0);
    assert.equal((await files.read(configOf(file))).size, 0);
    assert.match(String(events[0]?.fields['problems']), /cannot be read: ENOENT/);
    writeFileSync(file, '- http://a:1\n');
    const found = await files.read(configOf(file));
    assert.deepEqual(
      found.get('app')?.map(({ url }) => url),
      ['http://a:1'],
    );
    writeFileSync(file, '[]');
    assert.deepEqual((await files.read(configOf(file))).get('app'), []);
  });

  it('are watched as long as the configuration names them', async (context) => {
    const { folder, files, told } = start(context);
    const [one, two] = ['one.yaml', 'two.yaml'].map((name) => folder.file(name));
    writeFileSync(one!, '- http://a:1\n');
    writeFileSync(two!, '- http://a:2\n');
    files.follow(configOf(one!), Date.now() + 60_000);
    await rewriteUntil(one!, '- http://b:1\n', () => told.includes('app: http://b:1'));
    files.follow(configOf(two!), Date.now() + 60_000);
    const before = told.length;
    writeFileSync(one!, '- http://c:1\n');
    await rewriteUntil(two!, '- http://c:2\n', () => told.includes('app: http://c:2'));
    assert.deepEqual([...new Set(told.slice(before))], ['app: http://c:2']);
  });

  it('are told again until they can be used', async (context) => {
    const { folder, files, told, state } = start(context);
    const file = folder.file('peers.yaml');
    writeFileSync(file, '- http://a:1\n');
    state.isUsable = false;
    // Changed since it was read, as far as the watch can tell.
    files.follow(configOf(file), 0);
    await until(() => told.length >= 3, { what: 'it is told again and again' });
    state.isUsable = true;
    await until(
      async () => {
        const before = told.length;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return told.length === before;
      },
      { what: 'it is told no more' },
    );
  });
});

/** Writes the file, and every half second with another comment: the first may come before the watch. */
async function rewriteUntil(file: string, text: string, isTold: () => boolean): Promise<void> {
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  await until(
    () => {
      // Not at every look: the watch waits until a file has come to rest.
      if (performance.now() - writtenAtMs > 500) {
        writtenAtMs = performance.now();
        writeFileSync(file, `${text}# ${writtenAtMs}\n`);
      }
      return isTold();
    },
    { what: `the change of ${file} is told` },
  );
}
