// One fetch for many: who waits, what they get while it arrives, and who is let go when it is not for all.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import type { Exchange } from '../../../../src/core/exchange.ts';
import { headerValue } from '../../../../src/core/headers.ts';
import type { Sink } from '../../../../src/core/sink.ts';
import { type Answer, assertAtRest, CacheWorld, type HeldRequest } from './cache-world.ts';

const fresh = (body: string, ...headers: string[]): Answer => ({
  headers: ['cache-control', 'max-age=60', ...headers],
  body,
});
const states = (clients: readonly { state: string; body: string }[]) =>
  clients.map(({ state, body }) => `${state} ${body}`);

describe('many who ask for the same', () => {
  it('share one fetch, and get it while it arrives', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const clients = [world.get('/a'), world.get('/a'), world.get('/a')];
    assert.equal(world.fetches, 1);
    const [origin] = world.held;
    origin!.head({ headers: ['cache-control', 'max-age=60'] });
    assert.equal(origin!.write('first '), true);
    assert.deepEqual(states(clients), Array(3).fill('started first '));
    // Who comes late gets what was there before, too.
    clients.push(world.get('/a'));
    origin!.write('second');
    origin!.end();
    assert.deepEqual(states(clients), Array(4).fill('ended first second'));
    assert.deepEqual(
      clients.map(({ cache }) => cache),
      ['miss', 'collapsed', 'collapsed', 'collapsed'],
    );
    assert.deepEqual([world.get('/a').body, world.fetches], ['first second', 1]);
  });

  it('know what was stored when the whole of it is theirs', (test) => {
    const stored: (string | undefined)[] = [];
    const looks = {
      name: 'looks',
      attach: (exchange: Exchange, next: Sink): Sink => ({
        start: (source) => next.start(source),
        write: (chunk) => next.write(chunk),
        end: () => {
          stored.push(exchange.cached?.body.toString());
          next.end();
        },
        fail: (error) => next.fail(error),
      }),
    };
    const world = new CacheWorld(test, {}, () => 'hold', { clientStages: [looks] });
    const clients = [world.get('/a'), world.get('/a')];
    world.held[0]!.answer(fresh('answer'));
    assert.deepEqual(states(clients), Array(2).fill('ended answer'));
    clients.push(world.get('/b'), world.get('/b'));
    world.held[1]!.answer({ headers: ['cache-control', 'no-store'], body: 'own' });
    assert.deepEqual(stored, ['answer', 'answer', undefined]);
  });

  it('do not share where the route says so', (test) => {
    const world = new CacheWorld(test, { collapse: false }, () => 'hold');
    world.get('/a');
    world.get('/a');
    assert.equal(world.fetches, 2);
  });

  it('wait for the whole where they want a part, a head or to know of changes', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const first = world.get('/a');
    const part = world.get('/a', { headers: ['range', 'bytes=0-2'] });
    const same = world.get('/a', { headers: ['if-none-match', '"v"'] });
    world.held[0]!.head({ headers: ['cache-control', 'max-age=60', 'etag', '"v"'] });
    world.held[0]!.write('whole');
    assert.deepEqual([first.body, part.state, same.state], ['whole', 'waiting', 'waiting']);
    world.held[0]!.end();
    assert.deepEqual([part.status, part.body, same.status], [206, 'who', 304]);
    assert.equal(world.fetches, 1);
  });

  it('are not held up by one that reads slowly', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const slow = world.get('/a', { isFull: true });
    const quick = world.get('/a');
    world.held[0]!.answer(fresh('x'.repeat(200_000)));
    assert.deepEqual([quick.state, quick.body.length], ['ended', 200_000]);
    assert.deepEqual([slow.state, slow.body.length], ['started', 65_536]);
    slow.read();
    assert.deepEqual([slow.state, slow.body.length], ['ended', 200_000]);
  });

  it('go on when the first of them leaves', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const first = world.get('/a');
    const second = world.get('/a');
    first.leave();
    world.held[0]!.answer(fresh('answer'));
    assert.equal(second.body, 'answer');
    assert.equal(world.held[0]!.cancelled, null);
  });

  it('are all told of a failure', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const clients = [world.get('/a'), world.get('/a')];
    world.held[0]!.fail(new ProxyError('connect_failed'));
    assert.deepEqual(
      clients.map(({ status, exchange }) => [status, exchange.failure?.code]),
      Array(2).fill([502, 'connect_failed']),
    );
  });
});

describe('an answer that is not for all', () => {
  const own: Answer = { headers: ['cache-control', 'private'], body: 'own' };

  it('lets all but the first ask for themselves at the head already', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const clients = [world.get('/a'), world.get('/a'), world.get('/a')];
    world.held[0]!.head(own);
    assert.equal(world.fetches, 3);
    world.held.forEach((held, at) => {
      if (at > 0) held.head(own);
      held.write(`own ${at}`);
      held.end();
    });
    assert.deepEqual(states(clients), ['ended own 0', 'ended own 1', 'ended own 2']);
  });

  it('lets nobody wait for a while, and then again', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => (count === 1 ? own : 'hold'));
    world.get('/a');
    world.get('/a');
    world.get('/a');
    assert.equal(world.fetches, 3);
    world.pass(121);
    world.get('/a');
    world.get('/a');
    assert.equal(world.fetches, 4);
  });

  it('is passed on at the pace of its client', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const client = world.get('/a', { isFull: true });
    const [origin] = world.held;
    origin!.head({ headers: ['cache-control', 'no-store'] });
    origin!.isPaused = true;
    assert.equal(origin!.write('one'), false);
    client.read();
    assert.equal(origin!.isPaused, false);
    assert.equal(origin!.write(' two'), true);
    origin!.end();
    assert.deepEqual(states([client]), ['ended one two']);
  });

  it('comes whole to who hoped that nothing had changed, without a second request', (test) => {
    const world = new CacheWorld(test, {}, () => own);
    const asked = world.get('/a', { headers: ['if-none-match', '"v"'] });
    assert.deepEqual([asked.status, asked.body, world.fetches], [200, 'own', 1]);
    // From now on its condition reaches the origin.
    world.get('/a', { headers: ['if-none-match', '"v"'] });
    assert.equal(world.requests[1]!.requestHeaders.includes('if-none-match'), true);
    assert.equal(world.fetches, 2);
  });

  it('is asked for once more, and no more often, by who wants a part alone', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => {
      return count === 1 ? fresh('one', 'etag', '"1"') : { status: 500, body: 'broken' };
    });
    world.get('/a');
    world.pass(100);
    const part = world.get('/a', { headers: ['range', 'bytes=0-1'] });
    assert.deepEqual([part.status, world.fetches], [500, 3]);
    assert.equal(world.requests[2]!.requestHeaders.includes('range'), true);
  });

  it('is given up at the origin when its client leaves', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const client = world.get('/a');
    world.held[0]!.head({ headers: ['cache-control', 'no-store'] });
    client.leave();
    assert.equal(world.held[0]!.cancelled?.code, 'client_closed');
  });

  it('may be stored as soon as it says so', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) =>
      count === 1 ? own : fresh('for all'),
    );
    world.get('/a');
    world.get('/a');
    assert.equal(world.get('/a').cache, 'hit');
  });

  it('lets those who want another variant share a fetch of their own', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const ask = (language: string) => world.get('/a', { headers: ['accept-language', language] });
    const clients = [ask('de'), ask('en'), ask('de'), ask('en'), ask('fr')];
    world.held[0]!.head(fresh('deutsch', 'vary', 'accept-language'));
    assert.equal(world.fetches, 3);
    clients.push(ask('en'));
    for (const [at, body] of ['deutsch', 'english', 'français'].entries()) {
      if (at > 0) world.held[at]!.head(fresh(body, 'vary', 'accept-language'));
      world.held[at]!.write(body);
      world.held[at]!.end();
    }
    const bodies = clients.map(({ body }) => body);
    assert.deepEqual(bodies, ['deutsch', 'english', 'deutsch', 'english', 'français', 'english']);
    assert.equal(world.fetches, 3);
  });

  it('is no reason to give other variants up', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const german = world.get('/a', { headers: ['accept-language', 'de'] });
    const english = world.get('/a', { headers: ['accept-language', 'en'] });
    world.held[0]!.answer(fresh('deutsch', 'vary', 'accept-language'));
    world.held[1]!.answer(fresh('english', 'vary', 'accept-language'));
    assert.deepEqual([german.body, english.body], ['deutsch', 'english']);
    // From now on it is known by what they differ.
    world.pass(65);
    world.get('/a', { headers: ['accept-language', 'de'] });
    world.get('/a', { headers: ['accept-language', 'en'] });
    assert.equal(world.fetches, 4);
  });
});

describe('a body', () => {
  it('that breaks off breaks off for all, and is not stored', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const clients = [world.get('/a'), world.get('/a')];
    world.held[0]!.answer({ ...fresh('half'), breaksOff: true });
    assert.deepEqual(states(clients), Array(2).fill('failed half'));
    world.get('/a');
    assert.equal(world.fetches, 2);
  });

  for (const [what, finish] of [
    ['breaks off', (origin: HeldRequest) => origin.breakOff()],
    ['is shorter than declared', (origin: HeldRequest) => origin.end()],
  ] as const) {
    it(`that ${what} is asked for anew by those who have been sent nothing of it`, (test) => {
      const world = new CacheWorld(test, {}, () => 'hold');
      const whole = world.get('/a');
      const part = world.get('/a', { headers: ['range', 'bytes=0-1'] });
      const changed = world.get('/a', { headers: ['if-none-match', '"v"'] });
      const [origin] = world.held;
      origin!.head({ ...fresh('answer'), headers: ['cache-control', 'max-age=60'] });
      origin!.write('ans');
      finish(origin!);
      assert.deepEqual(states([whole, part, changed]), ['failed ans', 'waiting ', 'waiting ']);
      const [, forPart, forChanges] = world.held;
      assert.equal(headerValue(forPart!.exchange.requestHeaders, 'range'), 'bytes=0-1');
      assert.equal(headerValue(forChanges!.exchange.requestHeaders, 'if-none-match'), '"v"');
      forPart!.answer({ status: 206, body: 'an' });
      forChanges!.answer({ status: 304 });
      assert.deepEqual([part.status, part.body, changed.status], [206, 'an', 304]);
      assert.equal(world.fetches, 3);
      assertAtRest(world);
    });
  }

  it('that is too long by its own word is passed on', (test) => {
    const world = new CacheWorld(test, { objectBytesMax: 10 }, () => fresh('eleven bytes'));
    assert.equal(world.get('/a').body, 'eleven bytes');
    assert.equal(world.get('/a').cache, 'miss');
  });

  it('that turns out too long goes on as it comes, for slow and quick ones', (test) => {
    const world = new CacheWorld(test, { objectBytesMax: 10 }, () => 'hold');
    const slow = world.get('/a', { isFull: true });
    const quick = world.get('/a');
    const part = world.get('/a', { headers: ['range', 'bytes=0-1'] });
    const [origin] = world.held;
    origin!.head({ headers: ['cache-control', 'max-age=60'] });
    assert.equal(origin!.write('123456'), true);
    // The slow one took the first piece and no more.
    assert.equal(origin!.write('7890'), true);
    assert.equal(origin!.write('abc'), false);
    assert.deepEqual([slow.body, quick.body], ['123456', '1234567890']);
    // Who wants a part asks the origin for it.
    assert.equal(world.held[1]!.exchange.requestHeaders.includes('range'), true);
    slow.read();
    assert.deepEqual([slow.body, quick.body], Array(2).fill('1234567890abc'));
    assert.equal(origin!.write('def'), true);
    origin!.end();
    assert.deepEqual(states([slow, quick]), Array(2).fill('ended 1234567890abcdef'));
    world.held[1]!.answer({ status: 206, body: '12' });
    assert.equal(part.body, '12');
    assert.equal(world.host.budget.bytes, 0);
  });

  it('that ends while a slow client is behind ends for it when it has read on', (test) => {
    const world = new CacheWorld(test, { objectBytesMax: 10 }, () => 'hold');
    const slow = world.get('/a', { isFull: true });
    const [origin] = world.held;
    origin!.head({ headers: ['cache-control', 'max-age=60'] });
    for (const piece of ['12345', '67890', 'abc']) origin!.write(piece);
    origin!.end();
    assert.deepEqual(states([slow]), ['started 12345']);
    slow.read();
    assert.deepEqual(states([slow]), ['ended 1234567890abc']);
  });

  it('goes on to the store when all have left', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const client = world.get('/a');
    world.held[0]!.head({ headers: ['cache-control', 'max-age=60'] });
    world.held[0]!.write('answer');
    client.leave();
    world.held[0]!.end();
    assert.deepEqual([world.get('/a').body, world.get('/a').cache], ['answer', 'hit']);
  });

  it('is not fetched when all leave before the head', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    world.get('/a').leave();
    assert.equal(world.held[0]!.cancelled?.code, 'client_closed');
    world.get('/a');
    assert.equal(world.fetches, 2);
  });

  it('gives back what it held, however it ends', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    for (const target of ['/a', '/b', '/c']) world.get(target);
    const [whole, broken, open] = world.held;
    whole!.answer(fresh('whole'));
    broken!.answer({ ...fresh('broken'), breaksOff: true });
    open!.head(fresh('open'));
    open!.write('op');
    assert.equal(world.host.budget.bytes, 4);
    open!.breakOff();
    assert.equal(world.host.budget.bytes, 0);
    assert.equal(world.host.fills.size, 0);
  });
});

describe('a purge', () => {
  it('reaches an answer that is on its way', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const client = world.get('/a');
    world.held[0]!.head({ headers: ['cache-control', 'max-age=60'] });
    world.held[0]!.write('before the purge');
    void world.store.purge({ kind: 'all', value: '', isSoft: false });
    world.held[0]!.end();
    assert.equal(client.body, 'before the purge');
    world.get('/a');
    assert.equal(world.fetches, 2);
  });
});
