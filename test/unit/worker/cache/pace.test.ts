// Bodies that are too long to be held, read by several at once: who reads slowly holds up the others for five
// seconds all in all, and is dropped then.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { CacheWorld } from './cache-world.ts';

/** A slow and a quick client of one body that is longer than what is kept. */
function begin(test: TestContext) {
  const world = new CacheWorld(test, { objectBytesMax: 10 }, () => 'hold');
  const slow = world.get('/a', { isFull: true });
  const quick = world.get('/a');
  const [origin] = world.held;
  origin!.head({ headers: ['cache-control', 'max-age=60'] });
  for (const piece of ['12345', '67890', 'abc']) origin!.write(piece);
  return { world, slow, quick, origin: origin! };
}

describe('a slow reader of a long body', () => {
  it('that has not read what is held is dropped after five seconds', (test) => {
    const { world, slow, quick, origin } = begin(test);
    world.pass(4);
    assert.deepEqual([slow.state, quick.body], ['started', '1234567890']);
    world.pass(1);
    assert.deepEqual([slow.state, quick.body], ['failed', '1234567890abc']);
    assert.equal(slow.failure?.code, 'reader_too_slow');
    assert.equal(origin.write('def'), true);
    origin.end();
    assert.deepEqual([quick.state, quick.body], ['ended', '1234567890abcdef']);
    assert.equal(world.host.budget.bytes, 0);
  });

  it('that reads a little now and then is dropped as well', (test) => {
    const { world, slow, quick, origin } = begin(test);
    world.pass(3);
    slow.read();
    world.pass(100);
    slow.isFull = true;
    assert.equal(origin.write('def'), false);
    origin.isPaused = true;
    world.pass(1);
    assert.equal(slow.state, 'started');
    world.pass(1);
    assert.deepEqual([slow.state, quick.body], ['failed', '1234567890abcdef']);
    assert.equal(origin.isPaused, false, 'it goes on for the other');
  });

  it('that holds up nobody has all the time', (test) => {
    const { world, slow, quick, origin } = begin(test);
    quick.leave();
    world.pass(1000);
    assert.equal(slow.state, 'started');
    slow.read();
    origin.end();
    assert.deepEqual([slow.state, slow.body], ['ended', '1234567890abc']);
  });

  it('is not dropped while the others are as slow', (test) => {
    const { world, slow, quick, origin } = begin(test);
    quick.source!.pause();
    world.pass(60);
    assert.deepEqual([slow.state, quick.state], ['started', 'started']);
    slow.read();
    quick.read();
    origin.end();
    assert.deepEqual([slow.body, quick.body], Array(2).fill('1234567890abc'));
  });
});
