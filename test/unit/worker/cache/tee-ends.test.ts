// A miss that is its client's own request, and the ways in which it ends for one of those who wait for it and
// must not end for the others.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import type { Exchange } from '../../../../src/core/exchange.ts';
import { headerValue, type RawHeaders, withoutFields } from '../../../../src/core/headers.ts';
import type { Sink } from '../../../../src/core/sink.ts';
import { makePlan } from '../support/exchanges.ts';
import { adding, failing, passingOn } from './adding-stage.ts';
import { assertAtRest, CacheWorld, type Client } from './cache-world.ts';

const FRESH = ['cache-control', 'max-age=60'];
const begin = (test: TestContext) => new CacheWorld(test, {}, () => 'hold');
const told = ({ state, body }: Client) => `${state} ${body}`;

describe('somebody who joined a miss and leaves', () => {
  it('before the head leaves it to its client', (test) => {
    const world = begin(test);
    const first = world.get('/a');
    world.get('/a').leave();
    const third = world.get('/a');
    third.leave();
    assert.equal(world.held[0]!.cancelled, null);
    world.held[0]!.answer({ headers: FRESH, body: 'answer' });
    assert.deepEqual([told(first), world.fetches], ['ended answer', 1]);
    assert.equal(world.get('/a').body, 'answer');
    assertAtRest(world);
  });

  it('before its client does leaves nothing behind', (test) => {
    const world = begin(test);
    const first = world.get('/a');
    world.get('/a').leave();
    first.leave();
    assert.ok(world.held[0]!.cancelled);
    assertAtRest(world);
    world.get('/a');
    assert.equal(world.fetches, 2);
  });
});

describe('the client of a miss that something decodes before the cache', () => {
  it('takes nothing from those who joined when it leaves', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold', { peerStages: [passingOn] });
    const first = world.get('/a');
    const second = world.get('/a');
    world.held[0]!.head({ headers: FRESH, body: 'answer' });
    world.held[0]!.write('ans');
    first.leave();
    world.held[0]!.write('wer');
    world.held[0]!.end();
    assert.deepEqual([told(first), told(second)], ['started ans', 'ended answer']);
    assert.equal(world.requests[0]!.finished, true);
    assertAtRest(world);
  });

  it('leaves what is not to be stored to nobody', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold', { peerStages: [passingOn] });
    const first = world.get('/a');
    world.held[0]!.head({ headers: ['cache-control', 'no-store'], body: 'answer' });
    first.leave();
    assert.ok(world.held[0]!.cancelled);
    assertAtRest(world);
  });
});

describe('a failure that the client of a miss is slow to read', () => {
  it('reaches those who joined at once', (test) => {
    const world = begin(test);
    const clients = [world.get('/a', { isStuck: true }), world.get('/a')];
    world.held[0]!.fail(new ProxyError('connect_failed'));
    assert.deepEqual(
      clients.map(({ status, state }) => [status, state]),
      Array(2).fill([502, 'ended']),
    );
    assert.equal(world.host.fills.size, 0);
  });

  it('is not what those wait for who come later', (test) => {
    const world = begin(test);
    world.get('/a', { isStuck: true });
    world.held[0]!.fail(new ProxyError('connect_failed'));
    world.get('/a');
    assert.equal(world.fetches, 2);
  });

  it('leaves nothing behind when that client leaves before it has read it', (test) => {
    const world = begin(test);
    const first = world.get('/a', { isStuck: true });
    const second = world.get('/a');
    world.held[0]!.fail(new ProxyError('connect_failed'));
    const third = world.get('/a');
    first.leave();
    world.held[1]!.answer({ headers: FRESH, body: 'answer' });
    assert.deepEqual([second.status, told(third)], [502, 'ended answer']);
    assert.equal(first.failure?.code, 'connect_failed');
    assertAtRest(world);
  });
});

describe('an answer that is shorter than declared, though it comes to its end', () => {
  for (const joined of [0, 1]) {
    it(`is not stored, nor whole, with ${joined} who joined`, (test) => {
      const world = begin(test);
      world.get('/a');
      world.held[0]!.head({ headers: FRESH, body: 'answer' });
      world.held[0]!.write('ans');
      const others = Array.from({ length: joined }, () => world.get('/a'));
      world.held[0]!.end();
      assert.deepEqual(others.map(told), Array(joined).fill('failed ans'));
      assertAtRest(world);
      world.get('/a');
      assert.equal(world.fetches, 2);
    });
  }
});

describe('the lease of a miss', () => {
  it('is given back when nobody can join it any more', (test) => {
    const world = begin(test);
    world.link.connected = true;
    const lease = test.mock.method(world.store, 'lease');
    const joined: Client[] = [];
    const first = world.get('/a');
    const late = { headers: ['cache-control', 'no-cache'] };
    world.store.lease(lease.mock.calls[0]!.arguments[0], {
      granted: () => assert.fail('one has it'),
      denied: () => assert.fail('it is stored'),
      shared: () => joined.push(world.get('/a', late)),
    });
    world.store.receive({ kind: 'granted', id: world.link.lastId });
    world.held[0]!.answer({ headers: FRESH, body: 'answer' });
    assert.deepEqual([told(first), world.get('/a').body], ['ended answer', 'answer']);
    assert.deepEqual(joined.map(told), ['waiting ']);
  });
});

describe('what the client of a miss has said', () => {
  const { requestHead } = makePlan();
  const forPeer = new Set(['origin', 'accept']);
  const plan = {
    requestHead: {
      ...requestHead,
      edits: { apply: (fields: RawHeaders) => withoutFields(fields, forPeer) },
    },
    clientStages: [
      {
        name: 'greets',
        attach(exchange: Exchange, next: Sink) {
          const origin = headerValue(exchange.requestHeaders, 'origin');
          exchange.responseHeaders.push('x-origin', String(origin));
          return next;
        },
      },
    ],
  };
  const headers = ['origin', 'me', 'accept', 'application/json'];

  for (const isChunked of [false, true]) {
    it(`is known to its stages though no peer is told, chunked: ${isChunked}`, (test) => {
      const world = new CacheWorld(test, {}, () => 'hold', plan);
      const first = world.get('/a', { headers });
      assert.equal(world.requests[0]!.requestHeaders.includes('origin'), false);
      world.held[0]!.answer({ headers: FRESH, body: 'answer', isChunked });
      const second = world.get('/a', { headers });
      assert.deepEqual(
        [first, second].map((one) => one.header('x-origin')),
        ['me', 'me'],
      );
    });
  }

  it('is known when it is told of a failure', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold', plan);
    const clients = [world.get('/a', { headers }), world.get('/a', { headers })];
    world.held[0]!.fail(new ProxyError('connect_failed'));
    const types = clients.map((one) => one.header('content-type'));
    assert.deepEqual(types, Array(2).fill('application/json'));
  });
});

describe('a stage of the client of a miss that fails', () => {
  for (const control of ['no-store', 'max-age=60']) {
    it(`breaks the answer off, in front of one that tells it runs (${control})`, (test) => {
      const clientStages = [failing, adding('!')];
      const world = new CacheWorld(test, {}, () => 'hold', { clientStages });
      const first = world.get('/a', { headers: ['x-fail', 'me'] });
      const second = world.get('/a', { headers: ['x-fail', 'me'] });
      world.held[0]!.head({ headers: ['cache-control', control], body: 'answer' });
      world.held[0]!.write('answer');
      assert.deepEqual([first.state, first.failure?.code], ['failed', 'plugin_failed']);
      world.held[0]!.end();
      for (const held of world.held.slice(1)) held.answer({ headers: FRESH, body: 'answer' });
      assert.equal(second.state, 'failed');
      assertAtRest(world);
    });
  }
});
