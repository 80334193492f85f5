// What a fetch brings that is not for all is for nobody but the client whose request was sent.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { assertAtRest, CacheWorld } from './cache-world.ts';

const secret = { headers: ['cache-control', 'private'], body: 'of alice' };

describe('an answer that is not for all', () => {
  it('goes to nobody who waited when its own client has left', (test) => {
    const world = new CacheWorld(test, {}, (_, count) =>
      count === 1 ? 'hold' : { body: 'of bob' },
    );
    const alice = world.get('/a', { headers: ['cookie', 'user=alice'] });
    const bob = world.get('/a', { headers: ['cookie', 'user=bob'] });
    alice.leave();
    world.held[0]!.answer(secret);
    assert.equal(bob.body, 'of bob');
    assert.ok(world.held[0]!.cancelled);
  });

  it('goes to nobody who waited for a refresh in the background', (test) => {
    const fresh = {
      headers: ['cache-control', 'max-age=1, stale-while-revalidate=1'],
      body: 'all',
    };
    const world = new CacheWorld(test, {}, (_, count) => {
      if (count === 1) return fresh;
      return count === 2 ? 'hold' : { body: 'of bob' };
    });
    world.get('/a');
    world.pass(1.5);
    const alice = world.get('/a', { headers: ['cookie', 'user=alice'] });
    assert.deepEqual([alice.body, world.fetches], ['all', 2]);
    world.pass(1);
    const bob = world.get('/a', { headers: ['cookie', 'user=bob'] });
    assert.deepEqual([bob.state, world.fetches], ['waiting', 2]);
    world.held[0]!.answer(secret);
    assert.equal(bob.body, 'of bob');
  });

  it('goes to nobody for whom it was not chosen, and no cookie of it either', (test) => {
    const world = new CacheWorld(test, {}, (_, count) =>
      count === 1 ? 'hold' : { body: 'deutsch' },
    );
    const alice = world.get('/a', { headers: ['accept-language', 'en'] });
    const bob = world.get('/a', { headers: ['accept-language', 'de'] });
    const carol = world.get('/a', { headers: ['accept-language', 'en'] });
    alice.leave();
    const headers = ['cache-control', 'max-age=60, no-cache="x-user"', 'vary', 'accept-language'];
    world.held[0]!.answer({ headers: [...headers, 'x-user', 'alice'], body: 'english' });
    assert.deepEqual([bob.body, carol.body], ['deutsch', 'english']);
    assert.deepEqual([bob.header('x-user'), carol.header('x-user')], [undefined, undefined]);
  });
});

describe('what is stored, when its peer is asked whether it still holds', () => {
  /** It differs by coding, the answer that came after it by language; only who wants gzip may have it. */
  function begin(test: TestContext) {
    const world = new CacheWorld(test, {}, () => 'hold');
    const ask = (...headers: string[]) => world.get('/a', { headers });
    const control = ['cache-control', 'max-age=60, stale-if-error=600'];
    ask('accept-encoding', 'gzip');
    const zipped = [...control, 'vary', 'accept-encoding', 'etag', '"z"'];
    world.held[0]!.answer({ headers: zipped, body: 'zipped' });
    ask('accept-language', 'de');
    world.held[1]!.answer({ headers: [...control, 'vary', 'accept-language'], body: 'deutsch' });
    world.pass(65);
    const zipper = ask('accept-encoding', 'gzip', 'accept-language', 'en');
    const other = ask('accept-language', 'en');
    assert.equal(world.fetches, 3);
    return { world, zipper, other, control };
  }

  it('goes to nobody who waited for that, and for whom it was not chosen', (test) => {
    const { world, zipper, other, control } = begin(test);
    world.held[2]!.answer({ status: 304, headers: [...control, 'etag', '"z"'] });
    assert.equal(zipper.body, 'zipped');
    world.held[3]!.answer({ headers: control, body: 'plain' });
    assert.equal(other.body, 'plain');
  });

  it('stands in for a failure for nobody for whom it was not chosen', (test) => {
    const { world, zipper, other } = begin(test);
    world.held[2]!.answer({ status: 503, body: 'broken' });
    assert.deepEqual([zipper.body, other.body], ['zipped', '']);
    world.held[3]!.answer({ body: 'plain' });
    assert.equal(other.body, 'plain');
  });
});

describe('a fetch that nobody wants any more', () => {
  it('gives its peer back before the head', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    world.get('/a').leave();
    assert.ok(world.held[0]!.cancelled);
    assert.equal(world.held[0]!.exchange.peer!.inFlight, 0);
  });

  it('is cut when it turns out to be too long to be kept', (test) => {
    const world = new CacheWorld(test, { objectBytesMax: 1024 }, () => 'hold');
    const client = world.get('/a');
    world.held[0]!.head({ headers: ['cache-control', 'max-age=60'], isChunked: true });
    world.held[0]!.write('x'.repeat(1000));
    client.leave();
    world.held[0]!.write('x'.repeat(1000));
    assert.ok(world.held[0]!.cancelled);
  });
});

describe('a refresh in the background', () => {
  it('goes on when somebody who waited for it leaves', (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    const headers = ['cache-control', 'max-age=1, stale-while-revalidate=60'];
    world.get('/a');
    world.held[0]!.answer({ headers, body: 'old' });
    world.pass(1.5);
    assert.equal(world.get('/a').body, 'old');
    world.get('/a', { headers: ['cache-control', 'no-cache'] }).leave();
    assert.deepEqual([world.held[1]!.cancelled, world.fetches], [null, 2]);
    world.held[1]!.answer({ headers, body: 'new' });
    assert.deepEqual([world.get('/a').body, world.fetches], ['new', 2]);
    assertAtRest(world);
  });
});

describe('what nobody may get', () => {
  it('is an answer chosen by what the proxy told the peer of another client', (test) => {
    const world = new CacheWorld(test, {}, ({ requestHeaders: fields }) => ({
      headers: ['cache-control', 'max-age=60', 'vary', 'x-forwarded-for'],
      body: `for ${fields[fields.indexOf('x-forwarded-for') + 1]}`,
    }));
    const one = world.get('/a', { remoteAddress: '192.0.2.1' });
    const two = world.get('/a', { remoteAddress: '192.0.2.2' });
    assert.deepEqual([one.body, two.body], ['for 192.0.2.1', 'for 192.0.2.2']);
  });

  it('is a coding that was refused', (test) => {
    const world = new CacheWorld(test, {}, () => ({
      headers: ['cache-control', 'max-age=60', 'vary', 'accept-encoding'],
    }));
    for (const value of ['*', '*, gzip;q=0', 'gzip;q=0', '', 'br;q=0']) {
      world.get('/a', { headers: ['accept-encoding', value] });
    }
    assert.equal(world.fetches, 3);
  });

  it('is an answer to a request that was sent before a purge', async (test) => {
    const world = new CacheWorld(test, {}, () => 'hold');
    world.get('/a');
    await world.store.purge({ kind: 'url', value: 'http://example.com/a', isSoft: false });
    const clients = [world.get('/a'), world.get('/a')];
    assert.equal(world.fetches, 2);
    const headers = ['cache-control', 'max-age=60'];
    world.held[0]!.answer({ headers, body: 'old' });
    world.held[1]!.answer({ headers, body: 'new' });
    assert.deepEqual(
      [...clients, world.get('/a')].map(({ body }) => body),
      ['new', 'new', 'new'],
    );
    assert.equal(world.fetches, 2);
  });

  it('is an answer for who proved to be somebody by a certificate', (test) => {
    const world = new CacheWorld(test, {}, () => fresh);
    const fresh = { headers: ['cache-control', 'max-age=60'], body: 'of alice' };
    world.get('/a', { clientCertificate: 'Subject="CN=alice"' });
    world.get('/a');
    assert.equal(world.fetches, 2);
  });
});
