// A miss that is its client's own request: what becomes of it when others join, and when its client leaves,
// at each point on its way.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import { assertAtRest, CacheWorld, type Client } from './cache-world.ts';

const FRESH = ['cache-control', 'max-age=60'];
const begin = (test: TestContext) => new CacheWorld(test, {}, () => 'hold');
const told = ({ state, body }: Client) => `${state} ${body}`;

describe('a miss', () => {
  it('is the exchange of its client, as it reaches the peer', (test) => {
    const world = begin(test);
    const client = world.get('/a');
    assert.equal(world.requests[0], client.exchange);
    world.held[0]!.answer({ headers: [...FRESH, 'x-b', 'c'], body: 'answer' });
    assert.deepEqual([told(client), client.header('x-b')], ['ended answer', 'c']);
    assert.equal(client.exchange.finished, true);
    assert.deepEqual([world.get('/a').body, world.fetches], ['answer', 1]);
    assertAtRest(world);
  });

  it('gives its client all of a short answer, however slowly it reads', (test) => {
    const world = begin(test);
    const slow = world.get('/a', { isFull: true });
    world.held[0]!.head({ headers: FRESH, body: 'two pieces' });
    assert.equal(world.held[0]!.write('two '), true);
    assert.equal(world.held[0]!.write('pieces'), true);
    world.held[0]!.end();
    assert.equal(told(slow), 'ended two pieces');
    assert.equal(world.get('/a').body, 'two pieces');
  });

  it('has no copy of an answer that breaks off, nor keeps its room', (test) => {
    const world = begin(test);
    const client = world.get('/a');
    world.held[0]!.head({ headers: FRESH, body: 'whole' });
    world.held[0]!.write('who');
    assert.equal(world.host.budget.bytes, 5);
    world.held[0]!.breakOff();
    assert.equal(told(client), 'failed who');
    assertAtRest(world);
    world.get('/a');
    assert.equal(world.fetches, 2);
  });

  it('has no copy of an answer that breaks off behind its last byte', (test) => {
    const world = begin(test);
    const client = world.get('/a');
    world.held[0]!.head({ headers: FRESH, body: 'whole' });
    world.held[0]!.write('whole');
    world.held[0]!.breakOff();
    assert.equal(told(client), 'failed whole');
    assertAtRest(world);
    world.get('/a');
    assert.equal(world.fetches, 2);
  });

  it('keeps a copy of its own of the bytes', (test) => {
    const world = begin(test);
    world.get('/a');
    const bytes = Buffer.from('answer');
    world.held[0]!.head({ headers: FRESH, body: 'answer' });
    world.held[0]!.writeBytes(bytes);
    bytes.fill('x');
    world.held[0]!.end();
    assert.equal(world.get('/a').body, 'answer');
  });

  it('is stored without a body, too', (test) => {
    const world = begin(test);
    world.get('/a');
    world.held[0]!.answer({ headers: FRESH, body: '' });
    assert.deepEqual([world.get('/a').state, world.fetches], ['ended', 1]);
    assertAtRest(world);
  });

  it('keeps what is for caches alone from its client', (test) => {
    const world = begin(test);
    const client = world.get('/a');
    world.held[0]!.answer({ headers: [...FRESH, 'surrogate-key', 'k'], body: 'a' });
    assert.equal(client.header('surrogate-key'), undefined);
  });

  it('does without the store when there is no room to hold its answer', (test) => {
    const world = begin(test);
    const client = world.get('/a');
    assert.ok(world.host.budget.take(world.host.budget.bytesMax));
    world.held[0]!.answer({ headers: FRESH, body: 'answer' });
    assert.equal(told(client), 'ended answer');
    world.host.budget.giveBack(world.host.budget.bytesMax);
    assertAtRest(world);
  });
});

describe('others who join a miss', () => {
  it('before the head get what comes, together with its client', (test) => {
    const world = begin(test);
    const clients = [world.get('/a'), world.get('/a')];
    world.held[0]!.head({ headers: FRESH, body: 'answer' });
    clients.push(world.get('/a'));
    world.held[0]!.write('ans');
    assert.deepEqual(clients.map(told), Array(3).fill('started ans'));
    world.held[0]!.write('wer');
    world.held[0]!.end();
    assert.deepEqual(clients.map(told), Array(3).fill('ended answer'));
    assert.equal(world.fetches, 1);
    assertAtRest(world);
  });

  it('while a short answer comes get all of it', (test) => {
    const world = begin(test);
    const first = world.get('/a');
    world.held[0]!.head({ headers: [...FRESH, 'etag', '"e"'], body: 'answer' });
    world.held[0]!.write('ans');
    const late = world.get('/a');
    const part = world.get('/a', { headers: ['range', 'bytes=0-1'] });
    assert.deepEqual([told(first), told(late)], ['started ans', 'started ans']);
    assert.deepEqual([late.header('etag'), late.exchange.responseByteLength], ['"e"', 6]);
    world.held[0]!.write('wer');
    world.held[0]!.end();
    assert.deepEqual([first, late, part].map(told), ['ended answer', 'ended answer', 'ended an']);
    assert.equal(world.fetches, 1);
    assertAtRest(world);
  });

  it('see it break off with its client', (test) => {
    const world = begin(test);
    const first = world.get('/a');
    world.held[0]!.head({ headers: FRESH, body: 'answer' });
    world.held[0]!.write('ans');
    const late = world.get('/a');
    world.held[0]!.breakOff();
    assert.deepEqual([told(first), told(late)], ['failed ans', 'failed ans']);
    assertAtRest(world);
  });

  it('are told of its failure, and fetch for themselves the next time', (test) => {
    const world = begin(test);
    const clients = [world.get('/a'), world.get('/a')];
    world.held[0]!.fail(new ProxyError('connect_failed'));
    assert.deepEqual(
      clients.map(({ status, exchange }) => [status, exchange.failure?.code]),
      Array(2).fill([502, 'connect_failed']),
    );
    assertAtRest(world);
  });

  it('do not see what the stages of its client make of the head', (test) => {
    const stage = {
      name: 'upper',
      attach(exchange: Client['exchange'], next: Client) {
        exchange.responseHeaders.push('x-stage', String(world.fetches));
        exchange.responseByteLength = -1;
        return next;
      },
    };
    const world = new CacheWorld(test, {}, () => 'hold', { clientStages: [stage as never] });
    const clients = [world.get('/a'), world.get('/a')];
    world.held[0]!.head({ headers: FRESH, body: 'answer' });
    clients.push(world.get('/a'));
    for (const { exchange } of clients) {
      assert.equal(exchange.responseHeaders.filter((text) => text === 'x-stage').length, 1);
    }
    world.held[0]!.write('answer');
    world.held[0]!.end();
    assert.deepEqual(clients.map(told), Array(3).fill('ended answer'));
    assert.equal(world.get('/a').header('x-stage'), '1');
  });
});

describe('the client of a miss that leaves', () => {
  it('takes the request with it when nobody else waits', (test) => {
    const world = begin(test);
    world.get('/a').leave();
    assert.ok(world.held[0]!.cancelled);
    assertAtRest(world);
  });

  it('before the head leaves the request to those who wait, and is over itself', (test) => {
    const world = begin(test);
    const first = world.get('/a');
    const second = world.get('/a');
    first.leave();
    assert.equal(first.failure?.code, 'client_closed');
    assert.deepEqual([world.held[0]!.cancelled, world.requests[0]!.finished], [null, false]);
    assert.equal(world.requests[0]!.peer!.inFlight, 1);
    world.held[0]!.answer({ headers: FRESH, body: 'answer' });
    assert.deepEqual([told(first), told(second)], ['waiting ', 'ended answer']);
    assert.equal(world.requests[0]!.finished, true);
    assertAtRest(world);
  });

  it('leaves them a failure, too', (test) => {
    const world = begin(test);
    const first = world.get('/a');
    const second = world.get('/a');
    first.leave();
    world.held[0]!.fail(new ProxyError('connect_failed'));
    assert.deepEqual([first.state, second.status], ['waiting', 502]);
    assertAtRest(world);
  });

  it('lets the request be cut when the others leave as well', (test) => {
    const world = begin(test);
    const clients = [world.get('/a'), world.get('/a')];
    for (const client of clients) client.leave();
    assert.ok(world.held[0]!.cancelled);
    assertAtRest(world);
  });

  it('while a short answer comes lets it go on into the store', (test) => {
    const world = begin(test);
    const client = world.get('/a');
    world.held[0]!.head({ headers: FRESH, body: 'answer' });
    world.held[0]!.write('ans');
    client.leave();
    assert.equal(world.requests[0]!.peer!.inFlight, 1);
    world.held[0]!.write('wer');
    world.held[0]!.end();
    assert.equal(told(client), 'started ans');
    assert.equal(client.exchange.finished, true);
    assert.deepEqual([world.get('/a').body, world.fetches], ['answer', 1]);
    assertAtRest(world);
  });

  it('while it comes for others as well leaves it to them', (test) => {
    const world = begin(test);
    const first = world.get('/a');
    world.held[0]!.head({ headers: FRESH, body: 'answer' });
    world.held[0]!.write('ans');
    const late = world.get('/a');
    first.leave();
    world.held[0]!.write('wer');
    world.held[0]!.end();
    assert.deepEqual([told(first), told(late)], ['started ans', 'ended answer']);
    assertAtRest(world);
  });

  it('during a long answer leaves it to the store', (test) => {
    const world = begin(test);
    const client = world.get('/a');
    world.held[0]!.head({ headers: FRESH, isChunked: true });
    world.held[0]!.write('ans');
    client.leave();
    assert.deepEqual([world.held[0]!.cancelled, world.requests[0]!.peer!.inFlight], [null, 1]);
    world.held[0]!.write('wer');
    world.held[0]!.end();
    assert.deepEqual([world.get('/a').body, world.fetches], ['answer', 1]);
    assertAtRest(world);
  });

  it('is cut off at the origin when its answer is not kept', (test) => {
    const world = begin(test);
    const client = world.get('/a');
    world.held[0]!.head({ headers: ['cache-control', 'no-store'], body: 'answer' });
    client.leave();
    assert.ok(world.held[0]!.cancelled);
    assertAtRest(world);
  });
});

describe('a miss that asks the sidecar first', () => {
  /** A miss whose lease is being sought, and a way to answer for the sidecar. */
  function seek(test: TestContext) {
    const world = begin(test);
    world.link.connected = true;
    const client = world.get('/a');
    const answer = (kind: 'granted' | 'denied') => {
      const id = world.link.lastId;
      world.store.receive(kind === 'granted' ? { kind, id } : { kind, id, passMs: 0 });
    };
    const ends = () =>
      world.link.sent
        .filter(({ kind }) => kind === 'lease-end')
        .map((sent) => 'end' in sent && sent.end);
    assert.equal(world.fetches, 0);
    return { world, client, answer, ends };
  }

  it('is sent when it is granted, and tells how it ended', (test) => {
    const { world, client, answer, ends } = seek(test);
    answer('granted');
    assert.equal(world.requests[0], client.exchange);
    world.held[0]!.answer({ headers: FRESH, body: 'answer' });
    assert.deepEqual([told(client), ends()], ['ended answer', ['stored']]);
    assertAtRest(world);
  });

  it('is sent without a lease when that is denied', (test) => {
    const { world, client, answer } = seek(test);
    answer('denied');
    world.held[0]!.answer({ headers: FRESH, body: 'answer' });
    assert.equal(told(client), 'ended answer');
    assertAtRest(world);
  });

  it('gives its lease back when its answer is not stored', (test) => {
    const { world, client, answer, ends } = seek(test);
    answer('granted');
    world.held[0]!.answer({ headers: ['cache-control', 'private'], body: 'answer' });
    assert.deepEqual([told(client), ends()], ['ended answer', ['uncacheable']]);
  });

  it('is not sent when its client has left, and gives its lease back', (test) => {
    const { world, client, answer, ends } = seek(test);
    client.leave();
    answer('granted');
    assert.deepEqual([world.fetches, ends()], [0, ['failed']]);
    assertAtRest(world);
  });

  it('is one fetch for those who join meanwhile, also when its client leaves', (test) => {
    const { world, client, answer, ends } = seek(test);
    const second = world.get('/a');
    client.leave();
    answer('granted');
    assert.equal(world.fetches, 1);
    world.held[0]!.answer({ headers: FRESH, body: 'answer' });
    assert.deepEqual(
      [told(client), told(second), ends()],
      ['waiting ', 'ended answer', ['stored']],
    );
    assertAtRest(world);
  });

  it('hands its lease on with the request', (test) => {
    const { world, client, answer, ends } = seek(test);
    answer('granted');
    const second = world.get('/a');
    world.held[0]!.answer({ headers: FRESH, body: 'answer' });
    assert.deepEqual(
      [told(client), told(second), ends()],
      ['ended answer', 'ended answer', ['stored']],
    );
    assertAtRest(world);
  });

  it('is sent when the sidecar dies', (test) => {
    const { world, client } = seek(test);
    world.link.connected = false;
    world.store.disconnected();
    world.held[0]!.answer({ headers: FRESH, body: 'answer' });
    assert.equal(told(client), 'ended answer');
  });
});
