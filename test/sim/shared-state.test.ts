// The shared state under everything that can happen to it, by seed: SLUICE_TEST_SEED=n runs that one.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { testSeed } from '../support/random.ts';
import { World } from './shared-state-world.ts';

const stepCount = 400;

function run(seed: number): World {
  const world = new World(seed);
  try {
    for (let step = 0; step < stepCount; step++) world.step();
    world.quiesce();
    world.checkAlways();
    world.checkQuiet();
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`SLUICE_TEST_SEED=${seed} fails: ${why}`);
  }
  return world;
}

describe('shared state', () => {
  const given = process.env['SLUICE_TEST_SEED'];

  test('tells every worker the truth after any history of losses, delays and repetitions', () => {
    if (given !== undefined) {
      run(Number(given));
      return;
    }
    const fresh = testSeed();
    for (let seed = 0; seed < 1500; seed++) run(seed);
    for (let at = 0; at < 100; at++) run(fresh + at);
  });

  test('meets ejections and traffic in that simulation, so that its checks can fail', () => {
    let ejections = 0;
    let inFlight = 0;
    for (let seed = 0; seed < 50; seed++) {
      const world = new World(seed);
      for (let step = 0; step < stepCount; step++) {
        world.step();
        for (const upstream of world.state.upstreams.values()) ejections += upstream.ejected;
        for (const peer of world.state.peers.values()) inFlight += peer.inFlight;
      }
    }
    assert.ok(ejections > 500, `${ejections}`);
    assert.ok(inFlight > 10_000, `${inFlight}`);
  });
});
