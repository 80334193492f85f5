// A body that several read while it arrives, and that turns out to be more than may be held: what one of the
// readers does, or does not do, must not reach the others.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { failing } from './adding-stage.ts';
import { CacheWorld, type Client } from './cache-world.ts';

const FRESH = ['cache-control', 'max-age=60'];
const WHOLE = '1234567890abcdefghi';
const told = ({ state, body }: Client) => `${state} ${body}`;

/** A slow and a quick client; three bytes are there that are not held, and that the slow one has not got. */
function begin(test: TestContext) {
  const world = new CacheWorld(test, { objectBytesMax: 10 }, () => 'hold');
  const slow = world.get('/a', { isFull: true });
  const quick = world.get('/a');
  const [origin] = world.held;
  origin!.head({ headers: FRESH });
  for (const piece of ['12345', '67890', 'abc']) origin!.isPaused = !origin!.write(piece);
  assert.equal(origin!.isPaused, true);
  return { world, slow, quick, origin: origin! };
}

/** From now on `then` is done whenever the client was given something. */
function onWrite(client: Client, then: (text: string) => boolean): void {
  const write = client.write.bind(client);
  client.write = (chunk) => write(chunk) && then(Buffer.from(chunk).toString());
}

describe('those who read a body that is too much to be held', () => {
  it('go on when a stage of one of them gives up in the middle', (test) => {
    const plan = { clientStages: [failing] };
    const world = new CacheWorld(test, { objectBytesMax: 10 }, () => 'hold', plan);
    const clients = [world.get('/a'), world.get('/a', { headers: ['x-fail', '4'] })];
    const [origin] = world.held;
    origin!.head({ headers: FRESH });
    for (const piece of ['12345', '67890', 'abc', 'def']) assert.equal(origin!.write(piece), true);
    assert.equal(origin!.write('ghi'), true);
    origin!.end();
    assert.deepEqual(clients.map(told), [`ended ${WHOLE}`, 'failed 1234567890abc']);
  });

  it('wait for nobody for long who is full again with what came last', (test) => {
    const { world, slow, quick, origin } = begin(test);
    onWrite(slow, (text) => text !== 'abc');
    slow.read();
    assert.deepEqual([slow, quick].map(told), Array(2).fill('started 1234567890abc'));
    assert.equal(origin.isPaused, true);
    world.pass(5);
    assert.deepEqual([slow.state, slow.failure?.code], ['failed', 'reader_too_slow']);
    assert.equal(origin.isPaused, false);
  });

  it('get it in order, though one makes more come while it is given what came last', (test) => {
    const { slow, quick, origin } = begin(test);
    // It was on its way already.
    origin.write('def');
    origin.resume = () => {
      if (!origin.isPaused) return;
      origin.isPaused = false;
      origin.write('ghi');
      origin.end();
    };
    onWrite(slow, () => {
      slow.source!.pause();
      slow.source!.resume();
      return true;
    });
    slow.read();
    assert.deepEqual([slow, quick].map(told), Array(2).fill(`ended ${WHOLE}`));
  });

  it('get it in order when one leaves while it is given what came last', (test) => {
    const { slow, quick, origin } = begin(test);
    origin.write('def');
    origin.resume = () => {
      if (!origin.isPaused) return;
      origin.isPaused = false;
      origin.write('ghi');
    };
    onWrite(slow, (text) => {
      if (text === 'abc') slow.leave();
      return true;
    });
    slow.read();
    origin.end();
    assert.deepEqual(told(quick), `ended ${WHOLE}`);
  });
});

describe('a reader that is behind when the body breaks off', () => {
  it('may go on at that moment, and gets nothing more', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const quick = world.get('/a');
    const slow = world.get('/a', { isFull: true });
    const [origin] = world.held;
    origin!.head({ headers: FRESH });
    for (const piece of ['123', '456']) origin!.write(piece);
    const fail = quick.fail.bind(quick);
    quick.fail = (error) => {
      fail(error);
      slow.read();
    };
    onWrite(slow, (text) => assert.fail(`given ${text}`));
    origin!.breakOff();
    assert.deepEqual([quick, slow].map(told), ['failed 123456', 'failed 123']);
  });
});

describe('a body for which there is no room', () => {
  for (const roomBytes of [20_000, 10_000]) {
    it(`is no reason to ask for it one by one from then on, of ${roomBytes} bytes`, (test) => {
      const world = new CacheWorld(test, {}, () => 'hold');
      const { budget } = world.host;
      const others = budget.bytesMax - roomBytes;
      budget.take(others);
      world.link.connected = true;
      const clients = [world.get('/a'), world.get('/a', { headers: ['if-none-match', '"x"'] })];
      world.store.receive({ kind: 'granted', id: world.link.lastId });
      world.held[0]!.head({ headers: FRESH });
      for (let at = 0; at < 3; at++) world.held[0]!.write('x'.repeat(10_000));
      world.held[0]!.end();
      world.held[1]!.answer({ headers: ['cache-control', 'no-store'] });
      assert.deepEqual(
        clients.map(({ state, body }) => [state, body.length]),
        [
          ['ended', 30_000],
          ['ended', 0],
        ],
      );
      budget.giveBack(others);
      const ends = world.link.sent.filter((sent) => sent.kind === 'lease-end');
      assert.deepEqual(
        ends.map(({ end }) => end),
        ['failed'],
      );
      world.link.connected = false;
      world.get('/a');
      world.get('/a');
      assert.equal(world.fetches, 3);
    });
  }
});
