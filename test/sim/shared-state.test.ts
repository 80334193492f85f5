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
    for (let seed = 0; seed < 1000; seed++) run(seed);
    for (let at = 0; at < 100; at++) run(fresh + at);
  });

  test('meets everything that it is about in that simulation, so that its checks can fail', () => {
    const seen = { ejected: 0, outliers: 0, down: 0, both: 0, open: 0, ramp: 0, inFlight: 0 };
    for (let seed = 0; seed < 100; seed++) {
      const world = new World(seed);
      for (let step = 0; step < stepCount; step++) {
        world.step();
        for (const { guard } of world.state.upstreams.values()) {
          if (guard.breaker?.phase === 'open') seen.open += 1;
          if (guard.breaker?.phase === 'ramp') seen.ramp += 1;
        }
        for (const { verdict, ejection, inFlight } of world.state.peers.values()) {
          if (verdict === 'ejected') seen.ejected += 1;
          if (verdict === 'down') seen.down += 1;
          if (verdict === 'down and ejected') seen.both += 1;
          if (ejection.untilMs > 0 && ejection.why.includes('average')) seen.outliers += 1;
          seen.inFlight += inFlight;
        }
      }
    }
    for (const [what, steps] of Object.entries(seen)) assert.ok(steps > 5, `${what}: ${steps}`);
  });
});
