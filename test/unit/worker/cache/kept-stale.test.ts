// What is never fresh and cannot be validated is kept where the origin says what it is good for when it is
// stale (RFC 5861).

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, CacheWorld } from './cache-world.ts';

const kept = (control: string): Answer => ({ headers: ['cache-control', control], body: 'x' });

describe('an answer that is stale at once', () => {
  it('is served while it is refreshed, when the origin allows that', (test) => {
    const world = new CacheWorld(test, {}, () => kept('max-age=0, stale-while-revalidate=60'));
    world.get('/a');
    world.pass(1);
    assert.equal(world.get('/a').cache, 'stale');
    world.pass(120);
    assert.equal(world.get('/a').cache, 'miss');
  });

  it('is served in place of a failure, when the origin allows that', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) =>
      count === 1 ? kept('max-age=0, stale-if-error=60') : { status: 503, body: 'down' },
    );
    world.get('/a');
    world.pass(1);
    assert.equal(world.get('/a').body, 'x');
    world.pass(120);
    assert.equal(world.get('/a').status, 503);
  });

  it('is served to who takes what is stale', (test) => {
    const world = new CacheWorld(test, {}, () => ({
      headers: ['cache-control', 'max-age=1500', 'age', '2000'],
      body: 'x',
    }));
    const headers = ['cache-control', 'max-stale=1000'];
    world.get('/a', { headers });
    assert.equal(world.get('/a', { headers }).cache, 'stale');
    assert.equal(world.get('/a').cache, 'miss');
  });

  it('is not kept for the allowance of the operator alone', (test) => {
    for (const [control, status] of [
      ['max-age=1', 200],
      ['max-age=0', 503],
    ] as const) {
      const world = new CacheWorld(test, { staleIfErrorMs: '60s' }, (_request, count) =>
        count === 1 ? kept(control) : { status: 503, body: 'down' },
      );
      world.get('/a');
      world.pass(2);
      assert.equal(world.get('/a').status, status, control);
      test.mock.timers.reset();
    }
  });
});
