// The way of requests through a cache: hits, misses, validation, variants, what is left alone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import { type Answer, CacheWorld } from './cache-world.ts';

const fresh = (body: string, ...headers: string[]): Answer => ({
  headers: ['cache-control', 'max-age=60', ...headers],
  body,
});

describe('a fresh answer', () => {
  it('comes from the store, with its age', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => fresh(`answer ${count}`));
    assert.equal(world.get('/a').cache, 'miss');
    world.pass(10);
    const hit = world.get('/a');
    assert.deepEqual([hit.status, hit.body, hit.cache], [200, 'answer 1', 'hit']);
    assert.equal(hit.header('age'), '10');
    assert.equal(hit.exchange.responseByteLength, 8);
    assert.equal(world.fetches, 1);
  });

  it('is stale after its time, and asked for anew', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => fresh(`answer ${count}`));
    world.get('/a');
    world.pass(61);
    assert.equal(world.get('/a').body, 'answer 2');
    assert.equal(world.get('/a').body, 'answer 2');
    assert.equal(world.fetches, 2);
  });

  it('answers HEAD with the length and nothing else', (test) => {
    const world = new CacheWorld(test, {}, () => fresh('twelve bytes'));
    world.get('/a');
    const head = world.get('/a', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body, head.exchange.responseByteLength], [200, '', 12]);
    assert.equal(world.fetches, 1);
  });

  it('is given in pieces to a client that reads slowly', (test) => {
    const body = 'x'.repeat(300_000);
    const world = new CacheWorld(test, {}, () => fresh(body));
    world.get('/a');
    const slow = world.get('/a', { isFull: true });
    assert.deepEqual([slow.state, slow.body.length], ['started', 65_536]);
    slow.source!.resume();
    assert.equal(slow.body.length, 131_072);
    slow.read();
    assert.deepEqual([slow.state, slow.body === body], ['ended', true]);
  });

  it('is not what a request with a body, a condition on other versions or a steering field gets', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => fresh(`answer ${count}`));
    world.get('/a');
    const asked = [
      { hasBody: true },
      { headers: ['if-match', '"x"'] },
      { headers: ['x-http-method-override', 'DELETE'] },
      { headers: ['x-original-url', '/admin'] },
    ];
    for (const one of asked) assert.equal(world.get('/a', one).cache, 'bypass');
    assert.equal(world.get('/a').body, 'answer 1');
  });
});

describe('a stale answer', () => {
  const validated: Answer = {
    headers: ['cache-control', 'max-age=60', 'etag', '"v1"'],
    body: 'version one',
  };

  it('is validated by its tag and its date, and fresh again after a 304', (test) => {
    const world = new CacheWorld(test, {}, (request) => {
      const at = request.requestHeaders.indexOf('if-none-match');
      if (at === -1) return validated;
      assert.equal(request.requestHeaders[at + 1], '"v1"');
      return { status: 304, headers: ['cache-control', 'max-age=60', 'x-new', '1'] };
    });
    world.get('/a');
    world.pass(70);
    const asked = world.get('/a');
    assert.deepEqual([asked.status, asked.body, asked.cache], [200, 'version one', 'revalidated']);
    assert.equal(asked.header('x-new'), '1');
    assert.equal(asked.header('age'), '0');
    world.pass(50);
    assert.equal(world.get('/a').cache, 'hit');
    assert.equal(world.fetches, 2);
  });

  it('is replaced by a new one', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) =>
      count === 1 ? validated : fresh('version two', 'etag', '"v2"'),
    );
    world.get('/a');
    world.pass(70);
    assert.equal(world.get('/a').body, 'version two');
    assert.equal(world.get('/a').cache, 'hit');
  });

  it('is dropped when a 304 is about something else', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => {
      if (count === 2) return { status: 304, headers: ['etag', '"other"'] };
      return count === 1 ? validated : fresh('version three');
    });
    world.get('/a');
    world.pass(70);
    assert.equal(world.get('/a').body, 'version three');
    assert.equal(world.fetches, 3);
  });

  it('is gone when the new answer must not be stored', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) =>
      count === 1 ? validated : { headers: ['cache-control', 'no-store'], body: `own ${count}` },
    );
    world.get('/a');
    world.pass(70);
    assert.equal(world.get('/a').body, 'own 2');
    assert.equal(world.get('/a').body, 'own 3');
    assert.equal(world.requests[2]!.requestHeaders.includes('if-none-match'), false);
  });

  it('is served once more while it is refreshed behind it', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => ({
      headers: ['cache-control', 'max-age=60, stale-while-revalidate=30'],
      body: `answer ${count}`,
    }));
    world.get('/a');
    world.pass(70);
    const stale = world.get('/a');
    assert.deepEqual([stale.body, stale.cache, stale.header('age')], ['answer 1', 'stale', '70']);
    assert.equal(world.fetches, 2);
    assert.deepEqual([world.get('/a').body, world.get('/a').cache], ['answer 2', 'hit']);
    world.pass(91);
    assert.equal(world.get('/a').cache, 'miss');
  });

  it('is refreshed once, however many ask meanwhile', (test) => {
    const world = new CacheWorld(test, { staleWhileRevalidateMs: '60s' }, (_request, count) =>
      count === 1 ? fresh('one') : 'hold',
    );
    world.get('/a');
    world.pass(70);
    for (let at = 0; at < 5; at++) assert.equal(world.get('/a').body, 'one');
    assert.equal(world.fetches, 2);
    world.held[0]!.answer(fresh('two'));
    assert.equal(world.get('/a').body, 'two');
  });

  it('stands in for a failure, an error status and a peer that is down', (test) => {
    const failures = [
      { status: 503, body: 'down' },
      { status: 500, body: 'broken' },
      new ProxyError('connect_failed'),
      new ProxyError('head_timeout'),
    ];
    const world = new CacheWorld(test, { staleIfErrorMs: '1h' }, (_request, count) =>
      count === 1 ? validated : failures[count - 2]!,
    );
    world.get('/a');
    world.pass(70);
    for (const _failure of failures) {
      const asked = world.get('/a');
      assert.deepEqual([asked.status, asked.body, asked.cache], [200, 'version one', 'stale']);
    }
    assert.equal(world.fetches, 5);
  });

  it('stands in for nothing where the origin forbids it', (test) => {
    const world = new CacheWorld(test, { staleIfErrorMs: '1h' }, (_request, count) =>
      count === 1
        ? { headers: ['cache-control', 'max-age=60, must-revalidate'], body: 'one' }
        : { status: 503, body: 'down' },
    );
    world.get('/a');
    world.pass(70);
    assert.deepEqual([world.get('/a').status, world.fetches], [503, 2]);
  });
});

describe('hot keys', () => {
  it('are refreshed before they are stale, the likelier the nearer the end', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => {
      if (count === 1) world.pass(1);
      return fresh(`answer ${count}`);
    });
    world.get('/a');
    world.pass(55);
    world.random = 0.9;
    assert.equal(world.get('/a').body, 'answer 1');
    assert.equal(world.fetches, 1);
    world.random = 1e-9;
    assert.equal(world.get('/a').body, 'answer 1');
    assert.equal(world.fetches, 2);
    assert.equal(world.get('/a').body, 'answer 2');
  });
});

describe('variants', () => {
  it('are chosen by the fields that Vary names', (test) => {
    const world = new CacheWorld(test, {}, (request) => {
      const at = request.requestHeaders.indexOf('accept-language');
      return fresh(at === -1 ? 'none' : request.requestHeaders[at + 1]!, 'vary', 'Accept-Language');
    });
    assert.equal(world.get('/a', { headers: ['accept-language', 'de'] }).body, 'de');
    assert.equal(world.get('/a', { headers: ['accept-language', 'en'] }).body, 'en');
    assert.equal(world.get('/a').body, 'none');
    assert.equal(world.get('/a', { headers: ['accept-language', 'DE'] }).cache, 'hit');
    assert.equal(world.get('/a', { headers: ['accept-language', 'en'] }).body, 'en');
    assert.equal(world.fetches, 3);
  });

  it('are not kept under Vary: *', (test) => {
    const world = new CacheWorld(test, {}, () => fresh('x', 'vary', '*'));
    world.get('/a');
    assert.equal(world.get('/a').cache, 'miss');
  });
});

describe('parts and conditions', () => {
  const whole = fresh('0123456789', 'etag', '"v"', 'content-type', 'text/plain');

  it('are answered from the whole, which a miss fetches without them', (test) => {
    const world = new CacheWorld(test, {}, (request) => {
      for (const name of ['range', 'if-none-match', 'if-range', 'if-modified-since']) {
        assert.equal(request.requestHeaders.includes(name), false);
      }
      return whole;
    });
    const part = world.get('/a', { headers: ['range', 'bytes=2-4'] });
    assert.deepEqual([part.status, part.body], [206, '234']);
    assert.equal(part.header('content-range'), 'bytes 2-4/10');
    const none = world.get('/b', { headers: ['if-none-match', 'W/"v"'] });
    assert.deepEqual([none.status, none.body, none.header('content-type')], [304, '', undefined]);
    assert.equal(world.get('/b').cache, 'hit');
    assert.equal(world.get('/a', { headers: ['range', 'bytes=20-'] }).status, 416);
    const ifRange = (tag: string) =>
      world.get('/a', { headers: ['range', 'bytes=0-0', 'if-range', tag] }).status;
    assert.deepEqual([ifRange('"v"'), ifRange('"w"'), ifRange('W/"v"')], [206, 200, 200]);
  });

  it('make several parts of one body', (test) => {
    const world = new CacheWorld(test, {}, () => fresh('x'.repeat(1000), 'content-type', 'a/b'));
    world.get('/a');
    const parts = world.get('/a', { headers: ['range', 'bytes=0-1,500-501'] });
    const [, boundary] = /^multipart\/byteranges; boundary=(\w+)$/.exec(
      parts.header('content-type')!,
    )!;
    const part = (range: string) =>
      `\r\n--${boundary}\r\ncontent-type: a/b\r\ncontent-range: bytes ${range}/1000\r\n\r\nxx`;
    assert.equal(parts.body, `${part('0-1')}${part('500-501')}\r\n--${boundary}--\r\n`);
    assert.equal(parts.exchange.responseByteLength, parts.body.length);
  });

  it('go to the origin as they are while answers are known not to be storable', (test) => {
    const world = new CacheWorld(test, {}, (request) =>
      request.requestHeaders.includes('range')
        ? { status: 206, headers: ['content-range', 'bytes 0-0/5'], body: 'p' }
        : { headers: ['cache-control', 'no-store'], body: 'whole' },
    );
    // The first is fetched whole, which turns out to be in vain.
    assert.equal(world.get('/a', { headers: ['range', 'bytes=0-0'] }).status, 206);
    assert.equal(world.fetches, 2);
    assert.equal(world.get('/a', { headers: ['range', 'bytes=0-0'] }).status, 206);
    assert.equal(world.fetches, 3);
  });
});

describe('an unsafe request', () => {
  it('makes its own URL invalid, and those that the answer names', (test) => {
    const world = new CacheWorld(test, {}, (request, count) =>
      request.method === 'POST'
        ? { status: 201, headers: ['location', '/b', 'content-location', 'http://other.example/c'] }
        : fresh(`answer ${count}`),
    );
    for (const target of ['/a', '/b', '/c']) world.get(target);
    world.get('/a', { method: 'POST' });
    const statuses = ['/a', '/b', '/c'].map((target) => world.get(target).cache);
    assert.deepEqual(statuses, ['miss', 'miss', 'hit']);
  });

  it('makes nothing invalid when it fails', (test) => {
    const world = new CacheWorld(test, {}, (request) =>
      request.method === 'POST' ? { status: 403 } : fresh('x'),
    );
    world.get('/a');
    world.get('/a', { method: 'POST' });
    assert.equal(world.get('/a').cache, 'hit');
  });

  it('makes the groups of its origin invalid that it names', (test) => {
    const world = new CacheWorld(test, {}, (request) =>
      request.method === 'POST'
        ? { headers: ['cache-group-invalidation', '"news"'] }
        : fresh('x', 'cache-groups', request.target === '/a' ? '"news", "all"' : '"old"'),
    );
    world.get('/a');
    world.get('/b');
    world.get('/c', { method: 'POST' });
    assert.deepEqual([world.get('/a').cache, world.get('/b').cache], ['miss', 'hit']);
  });

  it('forgets groups by their names when an operator says so', async (test) => {
    const world = new CacheWorld(test, {}, () => fresh('x', 'cache-groups', '"news", "all"'));
    world.get('/a');
    await world.store.purge({ kind: 'tag', value: 'news', isSoft: false });
    assert.equal(world.get('/a').cache, 'miss');
  });

  it('shows the tags of the operator to no client, whether it is stored or not', (test) => {
    const tags = ['surrogate-key', 'a', 'cache-tag', 'b', 'x-other', '1'];
    const world = new CacheWorld(test, {}, () => fresh('x', ...tags));
    const asked = [{}, {}, { method: 'POST' }, { headers: ['if-match', '*'] }];
    for (const how of asked) {
      const client = world.get('/a', how);
      const shown = ['surrogate-key', 'cache-tag', 'x-other'].map((name) => client.header(name));
      assert.deepEqual(shown, [undefined, undefined, '1']);
    }
  });
});

describe('the operator', () => {
  it('gives lifetimes by status to answers without one', (test) => {
    const config = { lifetimesMs: { '404': '10s', '5xx': '1s' }, staleIfErrorMs: 0 };
    const world = new CacheWorld(test, config, (request) => ({
      status: Number(request.target.slice(1)),
      body: 'x',
    }));
    for (const target of ['/404', '/503', '/200']) world.get(target);
    const now = ['/404', '/503', '/200'].map((target) => world.get(target).cache);
    assert.deepEqual(now, ['hit', 'hit', 'miss']);
    world.pass(2);
    assert.deepEqual([world.get('/404').cache, world.get('/503').cache], ['hit', 'miss']);
  });

  it('overrules the origin', (test) => {
    const config = { originDirectives: 'ignore', lifetimesMs: { '200': '1m' } };
    const world = new CacheWorld(test, config, () => ({
      headers: ['cache-control', 'no-store, private'],
      body: 'x',
    }));
    world.get('/a');
    assert.equal(world.get('/a').cache, 'hit');
  });

  it('names requests that go past the cache, and those that do not fill it', (test) => {
    const config = {
      bypass: ['cookie:session', 'path:/admin/*', 'query:preview=1'],
      noStore: ['header:x-test'],
    };
    const world = new CacheWorld(test, config, () => fresh('x'));
    assert.equal(world.get('/admin/a').cache, 'bypass');
    assert.equal(world.get('/a?preview=1').cache, 'bypass');
    assert.equal(world.get('/a', { headers: ['cookie', 'a=b; session=1'] }).cache, 'bypass');
    assert.equal(world.get('/a', { headers: ['x-test', ''] }).cache, 'miss');
    assert.equal(world.get('/a').cache, 'miss');
    assert.equal(world.get('/a', { headers: ['x-test', ''] }).cache, 'hit');
  });

  it('lets Cache-Status tell what the cache did', (test) => {
    const world = new CacheWorld(test, { statusName: 'edge' }, (request) =>
      request.target === '/no' ? { headers: ['cache-control', 'private'] } : fresh('x'),
    );
    assert.equal(world.get('/a').header('cache-status'), 'edge; fwd=uri-miss; stored');
    assert.equal(world.get('/a').header('cache-status'), 'edge; hit; ttl=60');
    assert.equal(world.get('/no').header('cache-status'), 'edge; fwd=uri-miss');
    const bypass = world.get('/a', { headers: ['if-match', '*'] });
    assert.equal(bypass.header('cache-status'), 'edge; fwd=bypass');
    const post = world.get('/a', { method: 'POST' });
    assert.equal(post.header('cache-status'), 'edge; fwd=method');
    world.get('/a');
    const wish = world.get('/a', { headers: ['cache-control', 'no-cache'] });
    assert.equal(wish.header('cache-status'), 'edge; fwd=request; stored');
    world.pass(70);
    assert.equal(world.get('/a').header('cache-status'), 'edge; fwd=stale; stored');
  });
});
