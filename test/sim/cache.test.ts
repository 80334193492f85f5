// Leases and purges under everything that can happen to them, by seed: SLUICE_TEST_SEED=n runs that one.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { testSeed } from '../support/random.ts';
import { CacheWorld } from './cache-world.ts';

const stepCount = 300;

async function run(seed: number, hasLosses: boolean, check: (world: CacheWorld) => void) {
  try {
    const world = new CacheWorld(seed, hasLosses);
    for (let step = 0; step < stepCount; step++) {
      world.step();
      // Promises of purges go on.
      if (step % 3 === 0) await turn();
    }
    await turn();
    world.checkLeases();
    world.quiesce();
    for (let at = 0; at < 5; at++) {
      await turn();
      world.quiesce();
    }
    world.checkAlways();
    world.checkAnswered();
    world.checkPurged();
    check(world);
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`SLUICE_TEST_SEED=${seed} fails: ${why}`);
  }
}

async function runAll(hasLosses: boolean, check: (world: CacheWorld) => void) {
  const given = process.env['SLUICE_TEST_SEED'];
  if (given !== undefined) return run(Number(given), hasLosses, check);
  const fresh = testSeed();
  for (let seed = 0; seed < 150; seed++) await run(seed, hasLosses, check);
  for (let at = 0; at < 50; at++) await run(fresh + at, hasLosses, check);
}

describe('the caches of several workers', () => {
  test('fetch once for all, and serve nothing that was purged everywhere', async () => {
    let [shared, purged, fetched] = [0, 0, 0];
    await runAll(false, (world) => {
      shared += world.shared;
      purged += world.purged;
      fetched += world.fetched;
    });
    assert.ok(shared > 100 && purged > 100 && fetched > 100, `${shared} ${purged} ${fetched}`);
  });

  test('do so too while links, workers and sidecars come and go', async () => {
    await runAll(true, () => {});
  });
});
