// What clients ask of the cache by Cache-Control (RFC 9111 section 5.2.1, RFC 5861 section 4), and that it is
// nothing to a cache that is told to ignore them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import { type Answer, type Asked, CacheWorld } from './cache-world.ts';

const fresh = (body: string, control = 'max-age=60'): Answer => ({
  headers: ['cache-control', control],
  body,
});

describe('the wishes of a client', () => {
  it('are heeded: no-cache, max-age, min-fresh, no-store and only-if-cached', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => fresh(`answer ${count}`));
    const ask = (wish: string) => world.get('/a', { headers: ['cache-control', wish] });
    assert.equal(ask('only-if-cached').status, 504);
    assert.equal(ask('no-store').body, 'answer 1');
    assert.equal(world.get('/a').body, 'answer 2');
    world.pass(20);
    assert.equal(ask('max-age=30').body, 'answer 2');
    assert.equal(ask('max-age=10').body, 'answer 3');
    assert.equal(ask('min-fresh=70').body, 'answer 4');
    assert.equal(ask('no-cache').body, 'answer 5');
    assert.equal(world.get('/a', { headers: ['pragma', 'no-cache'] }).body, 'answer 6');
    assert.equal(ask('only-if-cached').body, 'answer 6');
    world.pass(70);
    assert.equal(ask('max-stale=30').body, 'answer 6');
    assert.equal(ask('max-stale=5').body, 'answer 7');
  });

  it('are nothing to a cache that is told to ignore them', (test) => {
    const world = new CacheWorld(test, { clientDirectives: 'ignore' }, () => fresh('x'));
    world.get('/a');
    assert.equal(world.get('/a', { headers: ['cache-control', 'no-cache'] }).cache, 'hit');
  });

  it('let a stale answer stand in for a failure, where the origin lets that be', (test) => {
    const wish = { headers: ['cache-control', 'stale-if-error=60'] };
    const ask = (control: string, asked: Asked = wish) => {
      const world = new CacheWorld(test, { staleIfErrorMs: 0 }, (_request, count) =>
        count === 1 ? fresh('kept', control) : { status: 503, body: 'broken' },
      );
      world.get('/a');
      world.pass(100);
      const { body } = world.get('/a', asked);
      test.mock.timers.reset();
      return body;
    };
    assert.equal(ask('max-age=60'), 'kept');
    assert.equal(ask('max-age=60', {}), 'broken');
    assert.equal(ask('max-age=30'), 'broken', 'it is stale for longer than that');
    assert.equal(ask('max-age=60, must-revalidate'), 'broken');
  });

  it('for a stand-in are those of one client, of all who wait', (test) => {
    const world = new CacheWorld(test, { staleIfErrorMs: 0 }, (_request, count) =>
      count === 1 ? fresh('kept') : 'hold',
    );
    world.get('/a');
    world.pass(100);
    const plain = world.get('/a');
    const modest = world.get('/a', { headers: ['cache-control', 'stale-if-error=60'] });
    world.held[0]!.fail(new ProxyError('connect_failed'));
    assert.deepEqual([modest.body, modest.cache, plain.status], ['kept', 'stale', 502]);
    assert.equal(world.host.budget.bytes, 0);
  });
});
