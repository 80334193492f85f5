// A miss for whose body there is no room at the moment.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CacheWorld } from './cache-world.ts';

for (const isInPieces of [false, true]) {
  it(`a miss for which there is no room lets another worker try, in pieces: ${isInPieces}`, (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const { budget } = world.host;
    world.link.connected = true;
    world.get('/a');
    world.store.receive({ kind: 'granted', id: world.link.lastId });
    const others = budget.bytesMax - 3;
    if (!isInPieces) budget.take(others);
    world.held[0]!.head({ headers: ['cache-control', 'max-age=60'], body: 'answer' });
    if (isInPieces) budget.take(others);
    for (const piece of ['ans', 'wer']) world.held[0]!.write(piece);
    world.held[0]!.end();
    const ends = world.link.sent.filter((sent) => sent.kind === 'lease-end');
    assert.deepEqual(
      ends.map(({ end }) => end),
      ['failed'],
    );
  });
}
