// Sessions over real sockets: workers' links and hubs that come and go.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { type StickSpec, StickTables } from '../../../src/channel/stick-tables.ts';
import { createHostClock } from '../../../src/std/host-clock.ts';
import { type Cleanup, until } from '../../support/deadline.ts';
import { linkWorker, specOf, startHub } from '../../support/shared-state.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const specs = [specOf(1)];
const sticky: StickSpec = { upstream: 'app', entriesMax: 50_000, ttlMs: 600_000 };

/** A worker that keeps sessions, and its table. */
function startWorker(path: string, slot: number, context: Cleanup) {
  const tables = new StickTables(createHostClock());
  tables.install([sticky]);
  const { link } = linkWorker(path, specs, context, { slot, sessions: tables });
  return { link, tables, table: tables.tableOf(sticky) };
}

async function startHubWithSessions(path: string, context: Cleanup) {
  const bench = await startHub(path, specs, context);
  bench.hub.install(specs, [sticky]);
  return bench;
}

describe('sessions of linked workers', () => {
  test('are known to all soon after one has learned them', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHubWithSessions(path, context);
    const workers = [0, 1, 2].map((slot) => startWorker(path, slot, context));
    await until(() => workers.every(({ tables }) => tables.isComplete), { what: 'all linked' });
    const times: number[] = [];
    for (let key = 1; key <= 20; key++) {
      const beganAtMs = performance.now();
      workers[key % 3]!.table.stick(key, key, `app/${key % 2}`);
      const isKnown = () => workers.every(({ table }) => table.find(key, key) !== null);
      await until(isKnown, { what: `session ${key} everywhere` });
      times.push(performance.now() - beganAtMs);
    }
    const [median, slowest] = [times.sort((a, b) => a - b)[10]!, times.at(-1)!];
    context.diagnostic(`known after ${median.toFixed(1)} ms, at most ${slowest.toFixed(1)} ms`);
    assert.deepEqual(hub.sessions, [{ upstream: 'app', sessions: 20 }]);
  });

  test('come back to a new sidecar from the workers, and from it to a new worker', async (context) => {
    const { path } = createTempDir(context);
    const first = await startHubWithSessions(path, context);
    const worker = startWorker(path, 0, context);
    for (let key = 0; key < 30_000; key++) worker.table.stick(key, key, 'app/a');
    const holdsAll = ({ hub }: typeof first) => hub.sessions[0]?.sessions === 30_000;
    await until(() => holdsAll(first), { what: 'all in the sidecar' });
    await first.close();
    await until(() => !worker.link.connected, { what: 'the loss is noticed' });
    worker.table.stick(0, 0, 'app/b');
    const second = await startHubWithSessions(path, context);
    await until(() => holdsAll(second), { what: 'all in the new sidecar' });
    const late = startWorker(path, 1, context);
    await until(() => late.tables.isComplete, { what: 'all in the new worker' });
    assert.equal(late.table.size, 30_000);
    assert.equal(late.table.find(0, 0), 'app/b');
    assert.equal(late.table.find(29_999, 29_999), 'app/a');
  });

  test('make no traffic when nothing happens', async (context) => {
    const { path } = createTempDir(context);
    const { hub } = await startHubWithSessions(path, context);
    const workers = [0, 1].map((slot) => startWorker(path, slot, context));
    workers[0]!.table.stick(1, 1, 'app/a');
    await until(() => workers[1]!.table.find(1, 1) !== null, { what: 'the session' });
    let before = -1;
    const isQuiet = () => {
      const now = hub.counters.bytesIn + hub.counters.bytesOut;
      const isSame = now === before;
      before = now;
      return isSame;
    };
    await until(
      async () => {
        if (!isQuiet()) return false;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return isQuiet();
      },
      { what: 'nothing is sent for 100 ms' },
    );
    for (let use = 0; use < 1000; use++) workers[1]!.table.find(1, 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(isQuiet(), 'uses soon after another make none');
  });
});
