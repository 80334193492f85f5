// Bodies that are longer than the cache keeps, and do not say so before: what is known of them afterwards,
// and how much of the budget they may take from others.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MIB } from '../../../../src/core/limits.ts';
import { assertAtRest, CacheWorld, type HeldRequest } from './cache-world.ts';

const FRESH = ['cache-control', 'max-age=60'];
const CHUNKED = { headers: FRESH, isChunked: true };
const told = ({ state, body }: { state: string; body: string }) => `${state} ${body}`;

/** Writes so much, in pieces, for as long as more is wanted. */
function write(origin: HeldRequest, bytes: number): void {
  const piece = Buffer.alloc(64 * 1024, 'x');
  for (let left = bytes; left > 0; left -= piece.length) {
    if (!origin.writeBytes(piece.subarray(0, left))) return;
  }
}

describe('what turned out too long', () => {
  it('is not held again as long as nobody waits for it', (test) => {
    const world = new CacheWorld(test, { objectBytesMax: 10 }, () => 'hold');
    const get = (isFull: boolean) => {
      const client = world.get('/a', { isFull });
      const origin = world.held.at(-1)!;
      origin.head(CHUNKED);
      return { client, origin };
    };
    const first = get(false);
    first.origin.write('123456');
    assert.equal(world.host.budget.bytes, 10);
    first.origin.write('789012');
    first.origin.end();
    assert.equal(world.host.budget.bytes, 0);

    const second = get(true);
    assert.equal(world.host.budget.bytes, 0);
    assert.equal(second.origin.write('123'), false, 'it comes at the pace of its client');
    second.client.read();
    second.origin.end();
    assert.deepEqual(told(second.client), 'ended 123');

    world.pass(121);
    const third = get(false);
    assert.equal(world.host.budget.bytes, 10, 'it may be shorter by now');
    third.origin.write('123');
    third.origin.end();
    assert.equal(world.get('/a').cache, 'hit');
    assertAtRest(world);
  });

  it('is stored as soon as it says that it is short', (test) => {
    const world = new CacheWorld(test, { objectBytesMax: 10 }, (_request, count) => ({
      headers: FRESH,
      body: count === 1 ? 'longer than that' : 'short',
      isChunked: count === 1,
    }));
    assert.equal(world.get('/a').body, 'longer than that');
    assert.equal(world.get('/a').body, 'short');
    assert.equal(world.get('/a').cache, 'hit');
  });
});

describe('long bodies of unknown length that are read slowly', () => {
  it('leave room for others', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    for (let at = 0; at < 8; at++) {
      world.get(`/long/${at}`, { isFull: true });
      const origin = world.held.at(-1)!;
      origin.head(CHUNKED);
      write(origin, 17 * MIB);
    }
    const declared = world.get('/declared');
    const body = 'x'.repeat(4 * MIB);
    world.held.at(-1)!.answer({ headers: FRESH, body });
    const short = world.get('/short');
    world.held.at(-1)!.answer({ ...CHUNKED, body: body.slice(0, 200_000) });
    assert.deepEqual([declared.body.length, short.body.length], [4 * MIB, 200_000]);
    for (const target of ['/declared', '/short']) {
      assert.equal(world.get(target).cache, 'hit', target);
    }
  });
});
