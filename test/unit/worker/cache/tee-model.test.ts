// Misses that are their clients' own requests, in random plays (tee-play.ts): the same ones every day, and
// so many new ones with SLUICE_TEE_PLAYS in the environment.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Play } from './tee-play.ts';
import {
  type AnswerSpec,
  heldTimers,
  type OfAll,
  type OfOne,
  type Setting,
  type Step,
} from './tee-steps.ts';

const some = fc.nat({ max: 30 });
const rarely = fc.constantFrom(false, false, false, true);

const settings: fc.Arbitrary<Setting> = fc.record({
  hasPeerStage: rarely,
  hasClientStage: fc.boolean(),
  hasSidecar: fc.boolean(),
  isNarrow: rarely,
  retries: fc.constantFrom(0, 0, 1, 2),
  objectBytesMax: fc.constantFrom(40, 40, 9),
  isEager: fc.boolean(),
  isTame: rarely,
});

const answers: fc.Arbitrary<AnswerSpec> = fc.record({
  control: fc.constantFrom(
    ...new Array<string>(6).fill('max-age=60'),
    ...['no-store', 'private', 'no-cache', 'no-cache', 'max-age=60, public'],
  ),
  status: fc.constantFrom(...new Array<number>(8).fill(200), 204, 404, 503, 500),
  variesBy: fc.constantFrom('', '', '', '', '', 'accept-language', 'accept-encoding'),
  bytes: fc.constantFrom(0, 1, 6, 7, 12, 30, 60),
  isChunked: fc.constantFrom(false, false, true),
});

const asks: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('ask' as const),
  target: fc.constantFrom('/a', '/a', '/a', '/b'),
  method: fc.constantFrom('GET' as const, 'GET' as const, 'GET' as const, 'HEAD' as const),
  language: fc.constantFrom('de', 'de', 'en'),
  coding: fc.constantFrom('', '', 'gzip'),
  extra: fc.constantFrom<readonly string[]>(
    ...new Array<string[]>(8).fill([]),
    ['range', 'bytes=0-1'],
    ['cache-control', 'no-cache'],
    ['authorization', 'me'],
    ['x-fail', 'me'],
    ...new Array<string[]>(2).fill(['x-fail', '3']),
  ),
  isFull: rarely,
  isFitful: rarely,
  isStuck: rarely,
  tellsOfBreaks: fc.boolean(),
});

const plain = (kind: OfOne): fc.Arbitrary<Step> =>
  fc.record({ kind: fc.constant(kind), which: some });

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: asks },
  { weight: 4, arbitrary: plain('leave') },
  { weight: 3, arbitrary: plain('read') },
  {
    weight: 9,
    arbitrary: fc.record({ kind: fc.constant('head' as const), which: some, answer: answers }),
  },
  { weight: 7, arbitrary: plain('write') },
  { weight: 5, arbitrary: plain('end') },
  { weight: 3, arbitrary: plain('break') },
  { weight: 5, arbitrary: plain('tell') },
  { weight: 4, arbitrary: plain('tick') },
  { weight: 2, arbitrary: plain('hedge') },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fail' as const),
      which: some,
      code: fc.constantFrom('connect_failed' as const, 'peer_reset' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      seconds: fc.constantFrom(1, 10, 65, 200),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom<OfAll[]>('purge', 'purge', 'gone', 'starve', 'feed', 'trip', 'mend'),
    }),
  },
);

const plays = fc.tuple(settings, fc.array(steps, { minLength: 1, maxLength: 40, size: 'max' }));

const WILD: ReadonlySet<string> = new Set(['purge', 'starve', 'hedge', 'pass', 'trip']);
const TAME_EXTRAS: ReadonlySet<string> = new Set(['', 'range']);

/** Whether a step may come in a play in which nobody has a reason to ask for himself. */
function isTame(step: Step): boolean {
  if (step.kind === 'ask') return TAME_EXTRAS.has(step.extra[0] ?? '');
  return !WILD.has(step.kind);
}

describe('misses in random plays', () => {
  it('give everybody what is meant for him, once, and leave nothing behind', (test) => {
    const fresh = Number(process.env.SLUICE_TEE_PLAYS ?? 0);
    const timers = heldTimers(test);
    let stored = 0;
    const property = fc.property(plays, ([setting, all]) => {
      const play = new Play(test, setting, timers);
      for (const step of all) if (!setting.isTame || isTame(step)) play.do(step);
      play.finish();
      stored += play.stored;
    });
    fc.assert(
      property,
      fresh > 0
        ? { numRuns: fresh, includeErrorInReport: true }
        : { numRuns: 250, seed: 1, includeErrorInReport: true },
    );
    // The plays are worth something only if answers were shared.
    assert.ok(stored > 100, String(stored));
  });
});
