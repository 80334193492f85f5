// Shared sessions under everything that can happen to them, by seed: SLUICE_TEST_SEED=n runs that one.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { testSeed } from '../support/random.ts';
import { StickWorld, type StickWorldOptions } from './stick-world.ts';

const stepCount = 500;

function run(seed: number, options: StickWorldOptions, check: (world: StickWorld) => void): void {
  try {
    const world = new StickWorld(seed, options);
    for (let step = 0; step < stepCount; step++) world.step();
    world.quiesce();
    world.checkAlways();
    check(world);
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`SLUICE_TEST_SEED=${seed} fails: ${why}`);
  }
}

function runAll(options: StickWorldOptions, check: (world: StickWorld) => void): void {
  const given = process.env['SLUICE_TEST_SEED'];
  if (given !== undefined) {
    run(Number(given), options, check);
    return;
  }
  const fresh = testSeed();
  for (let seed = 0; seed < 300; seed++) run(seed, options, check);
  for (let at = 0; at < 30; at++) run(fresh + at, options, check);
}

describe('shared sessions', () => {
  test('are where they came to last, for everybody, whatever links are lost', () => {
    let sessions = 0;
    runAll({ keys: 40, entriesMax: 100, ttlMs: 600_000, hasDeaths: false }, (world) => {
      world.checkTruth();
      world.checkAgreement();
      sessions += world.sidecar.sizes[0]?.sessions ?? 0;
    });
    assert.ok(sessions > 10_000, `${sessions}`);
  });

  test('are the same for everybody after workers and sidecars have died', () => {
    runAll({ keys: 40, entriesMax: 100, ttlMs: 20_000, hasDeaths: true }, (world) =>
      world.checkAgreement(),
    );
  });

  test('stay within their bound when there are too many', () => {
    runAll({ keys: 200, entriesMax: 16, ttlMs: 20_000, hasDeaths: true }, () => {});
  });
});
