// Purges by URL where the key is not the URL: several URLs share an answer, because a filter rewrites them or
// the key leaves parts of the query out. Whoever asks for a purged URL gets a new answer.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Answer, CacheWorld } from './cache-world.ts';

const answer: Answer = { headers: ['cache-control', 'max-age=600'], body: 'x' };
const purging = { method: 'PURGE', remoteAddress: '10.1.2.3' };
const purgeFrom = ['10.0.0.0/8'];
const purged = (value: string, isSoft = false) =>
  ({ kind: 'url', value: `http://example.com${value}`, isSoft }) as const;

describe('URLs that are rewritten to the same', () => {
  it('share an answer, and each of them can be purged', async (test) => {
    const world = new CacheWorld(test, { purgeFrom }, () => answer);
    const get = (target: string) => world.get(target, { rewrittenTo: '/c' }).cache;
    assert.deepEqual([get('/a'), get('/b')], ['miss', 'hit']);
    await world.store.purge(purged('/b'));
    assert.deepEqual([get('/b'), get('/b'), get('/a')], ['miss', 'hit', 'hit']);
    world.get('/a', { ...purging, rewrittenTo: '/c' });
    assert.deepEqual([get('/a'), get('/b')], ['miss', 'hit']);
    await world.store.purge(purged('/c'));
    assert.equal(get('/a'), 'hit', 'it is not what clients ask for');
    await world.store.purge({ kind: 'prefix', value: 'http://example.com/b', isSoft: false });
    assert.deepEqual([get('/b'), get('/a')], ['miss', 'hit']);
  });

  it('are invalid when one that was changed is asked for', (test) => {
    const world = new CacheWorld(test, {}, ({ method }) =>
      method === 'POST' ? { status: 204, headers: ['content-location', '/a'] } : answer,
    );
    const get = (target: string) => world.get(target, { rewrittenTo: '/c' }).cache;
    assert.deepEqual([get('/a'), get('/b')], ['miss', 'hit']);
    world.get('/b', { method: 'POST', rewrittenTo: '/c' });
    assert.deepEqual([get('/a'), get('/b')], ['miss', 'hit']);
  });
});

// Somebody asks for //page (or /x/../page) first, each time it has become stale: the page that everybody gets
// could then be purged by nobody, nor be made invalid by who changes it.
describe('a URL that is asked for in another spelling first', () => {
  const spelling = { rewrittenTo: '/page' };

  it('can be purged', async (test) => {
    const world = new CacheWorld(test, { purgeFrom }, () => answer);
    const get = () => world.get('/page').cache;
    assert.deepEqual([world.get('//page', spelling).cache, get()], ['miss', 'hit']);
    world.get('/page', purging);
    assert.deepEqual([get(), get()], ['miss', 'hit']);
    world.get('//page', { ...spelling, headers: ['cache-control', 'no-cache'] });
    await world.store.purge({ kind: 'prefix', value: 'http://example.com/pa', isSoft: false });
    assert.deepEqual([get(), get()], ['miss', 'hit']);
  });

  it('is invalid when another spelling of it is changed', (test) => {
    const world = new CacheWorld(test, {}, () => answer);
    const get = () => world.get('/page').cache;
    assert.deepEqual([get(), get()], ['miss', 'hit']);
    world.get('//page', { ...spelling, method: 'POST' });
    assert.equal(get(), 'miss');
  });

  it('is not served any more while the sidecar is asked to purge it', (test) => {
    const world = new CacheWorld(test, {}, () => answer);
    world.get('//page', spelling);
    world.link.connected = true;
    world.get('/page', { method: 'POST' });
    assert.equal(world.link.sent.at(-1)?.kind, 'purge');
    assert.equal(world.get('/page').cache, 'miss');
  });

  it('is invalid when it was changed', (test) => {
    const world = new CacheWorld(test, {}, () => answer);
    world.get('//page', spelling);
    world.get('/page', { method: 'POST' });
    assert.equal(world.get('/page').cache, 'miss');
  });
});

// A client changes a page and asks for it at once, while a fetch runs that was sent before: by the answer to
// its change it was promised not to be given what that brings.
describe('a fetch that runs while its URL is changed', () => {
  for (const [what, spelling, changed] of [
    ['the same URL', {}, {}],
    ['another spelling', { rewrittenTo: '/page' }, {}],
    ['a group', {}, { 'cache-group-invalidation': '"pages"' }],
  ] as const) {
    it(`is not waited for while the sidecar is asked to purge it, by ${what}`, (test) => {
      const headers = Object.entries(changed).flat();
      const world = new CacheWorld(test, {}, ({ method }) =>
        method === 'POST' ? { status: 204, headers } : 'hold',
      );
      world.link.connected = true;
      world.get('rewrittenTo' in spelling ? '//page' : '/page', spelling);
      world.store.receive({ kind: 'granted', id: world.link.lastId });
      assert.equal(world.held.length, 1);
      world.get(headers.length > 0 ? '/others' : '/page', { method: 'POST' });
      assert.equal(world.link.sent.at(-1)?.kind, 'purge');
      const client = world.get('/page');
      const [before, after] = world.held;
      before!.answer({ ...answer, body: 'before' });
      after?.answer({ ...answer, body: 'after' });
      assert.deepEqual([client.body, client.cache], ['after', 'miss']);
    });
  }
});

describe('URLs whose query does not count', () => {
  it('are purged without it, and by whichever a PURGE names', async (test) => {
    const world = new CacheWorld(test, { purgeFrom, key: { query: 'none' } }, () => answer);
    const get = (target: string) => world.get(target).cache;
    assert.deepEqual([get('/a?v=1'), get('/a?v=2')], ['miss', 'hit']);
    await world.store.purge(purged('/a'));
    assert.deepEqual([get('/a?v=2'), get('/a?v=1')], ['miss', 'hit']);
    world.get('/a?v=3', purging);
    assert.deepEqual([get('/a?v=1'), get('/a?v=2')], ['miss', 'hit']);
    await world.store.purge(purged('/a?v=2', true));
    assert.deepEqual([get('/a?v=1'), get('/a?v=2'), get('/a?v=2')], ['hit', 'miss', 'hit']);
  });

  it('are all invalid when one of them was changed', (test) => {
    const config = { key: { query: 'without', queryNames: ['utm_*'] } };
    const world = new CacheWorld(test, config, ({ method }) =>
      method === 'POST' ? { status: 204 } : answer,
    );
    const get = (target: string) => world.get(target).cache;
    assert.deepEqual([get('/a?b=1&a=2&utm_x=1'), get('/a?a=2&b=1')], ['miss', 'hit']);
    world.get('/a?b=1&a=2&utm_y=1', { method: 'POST' });
    assert.deepEqual([get('/a?a=2&b=1'), get('/a?b=1&a=2')], ['miss', 'hit']);
  });
});

describe('PURGE', () => {
  it('is obeyed for allowed addresses alone', async (test) => {
    const world = new CacheWorld(test, { purgeFrom: ['10.0.0.0/8'] }, () => answer);
    world.get('/a');
    assert.equal(world.get('/a', { method: 'PURGE' }).status, 403);
    assert.equal(world.get('/a').cache, 'hit');
    const purge = world.get('/a', { method: 'PURGE', remoteAddress: '10.1.2.3' });
    assert.equal(world.get('/a').cache, 'miss');
    await new Promise(setImmediate);
    assert.ok(purge.status === 200 || purge.status === 503);
    assert.equal(
      world.requests.every(({ method }) => method === 'GET'),
      true,
    );
  });
});
