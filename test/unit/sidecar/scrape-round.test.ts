// Who answers a scrape, who does not, and who is gone by the time that all have.

import assert from 'node:assert/strict';
import test from 'node:test';
import { ScrapeRound } from '../../../src/sidecar/scrape-round.ts';

function workerOf(slot: number) {
  return { slot, generation: 10 + slot };
}

function answerOf(slot: number) {
  return { kind: 'metrics', id: 1, part: 0, parts: 1, bytes: Uint8Array.of(slot) } as const;
}

test('a worker that leaves before the others have answered is told as gone, or as missing', async () => {
  const round = new ScrapeRound(1, 1000, () => {});
  for (const slot of [0, 1, 2]) round.expect(workerOf(slot), true);
  round.begin();
  round.receive(workerOf(0), answerOf(0));
  round.leave(workerOf(0));
  round.leave(workerOf(1));
  round.receive(workerOf(2), answerOf(2));
  const { answers, missing } = await round.result;
  assert.deepEqual(
    answers.map(({ slot, isGone }) => [slot, isGone]),
    [
      [0, true],
      [2, false],
    ],
  );
  assert.deepEqual(missing, [1]);
});
