// HEAD: answered from what GET stored, and sent as GET when nothing is, so that there is something to store.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, CacheWorld } from './cache-world.ts';

const answer: Answer = { headers: ['cache-control', 'max-age=60'], body: 'twelve bytes' };
const head = { method: 'HEAD' };

describe('a HEAD that finds nothing', () => {
  it('is sent as GET, whose answer is kept', (test) => {
    const world = new CacheWorld(test, { statusName: 'edge' }, () => answer);
    const first = world.get('/a', head);
    assert.deepEqual([first.state, first.status, first.body], ['ended', 200, '']);
    assert.deepEqual([first.cache, first.exchange.responseByteLength], ['miss', 12]);
    assert.equal(first.header('cache-status'), 'edge; fwd=uri-miss; stored');
    assert.deepEqual([world.get('/a').body, world.get('/a', head).cache], ['twelve bytes', 'hit']);
    assert.deepEqual([world.fetches, world.requests[0]!.method], [1, 'GET']);
  });

  it('is answered as soon as the head is there, and its fetch goes on', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const first = world.get('/a', { ...head, headers: ['range', 'bytes=0-1'] });
    const [held] = world.held;
    held!.head({ ...answer, isChunked: true });
    const second = world.get('/a', head);
    const third = world.get('/a');
    assert.deepEqual([first.state, second.state, third.state], ['ended', 'ended', 'started']);
    held!.write('twelve bytes');
    held!.end();
    assert.deepEqual([first.body, second.body, third.body], ['', '', 'twelve bytes']);
    assert.deepEqual([first.status, second.cache, world.fetches], [200, 'collapsed', 1]);
    assert.equal(world.get('/a').cache, 'hit');
  });

  it('takes the head of what is not stored, and the body is not waited for', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const asked = world.get('/a', head);
    world.held[0]!.head({ headers: ['cache-control', 'no-store', 'x-a', 'b'] });
    assert.deepEqual([asked.state, asked.header('x-a')], ['ended', 'b']);
    assert.notEqual(world.held[0]!.cancelled, null);
    world.get('/a', head);
    assert.equal(world.requests[1]!.method, 'HEAD', 'it is known now that nothing is stored');
  });

  it('is a miss when it has waited for what is not stored', (test) => {
    const world = new CacheWorld(test, { statusName: 'edge' }, (_request, count) =>
      count === 1 ? 'hold' : { headers: ['cache-control', 'no-store'], body: 'x' },
    );
    world.get('/a');
    const part = { headers: ['range', 'bytes=0-1'] };
    const waiting = [world.get('/a', head), world.get('/a', part)];
    world.held[0]!.head({ headers: ['cache-control', 'no-store'] });
    for (const client of waiting) {
      assert.deepEqual([client.cache, client.header('cache-status')], ['miss', 'edge; fwd=miss']);
    }
  });

  it('waits with a condition until it can be held against the answer', (test) => {
    const world = new CacheWorld(test, {}, () => ({
      headers: ['cache-control', 'max-age=60', 'etag', '"v"'],
      body: 'page',
    }));
    const asked = world.get('/a', { ...head, headers: ['if-none-match', '"u", "v"'] });
    assert.deepEqual([asked.status, asked.body, world.fetches], [304, '', 1]);
  });

  it('is sent as it is where the operator wants that', (test) => {
    const world = new CacheWorld(test, { headAsGet: false }, () => answer);
    world.get('/a', head);
    assert.deepEqual([world.requests[0]!.method, world.get('/a').cache], ['HEAD', 'miss']);
    assert.equal(world.get('/a', head).cache, 'hit');
  });
});
