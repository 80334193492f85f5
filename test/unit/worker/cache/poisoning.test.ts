// Attacks on what others get from the cache. Each case opens with the attack; the victim sends an honest
// request afterwards and must get an honest answer.

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Exchange } from '../../../../src/core/exchange.ts';
import { headerValue } from '../../../../src/core/headers.ts';
import type { Plan } from '../../../../src/core/plan.ts';
import { Trust } from '../../../../src/worker/filter/trust.ts';
import { headBytes } from '../../../../src/worker/listener/uws/response-head.ts';
import { type Asked, CacheWorld } from './cache-world.ts';

/** An origin that falls for everything: what it is told stands in its page, which may be stored. */
function gullible(test: TestContext, reflect: (request: Exchange) => string, config: object = {}) {
  return new CacheWorld(test, config, (request) => ({
    headers: ['cache-control', 'max-age=600'],
    body: `<script src="//${reflect(request)}/x.js">`,
  }));
}

interface Attack {
  readonly target?: string;
  readonly asked: Asked;
}

function poison(
  world: CacheWorld,
  { target = '/', asked }: Attack,
  victim: Attack = { asked: {} },
) {
  world.get(target, asked);
  return world.get(victim.target ?? '/', victim.asked);
}

const field = (name: string) => (request: Exchange) =>
  headerValue(request.requestHeaders, name) ?? 'honest';

describe('unkeyed fields', () => {
  // X-Forwarded-Host: an application builds links from it. Defence: what clients claim about forwarding is
  // replaced by what the listener saw, and that is in the key.
  it('X-Forwarded-Host and its kin never reach the origin from a client', (test) => {
    const names = [
      ...['x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'forwarded'],
      ...['x-forwarded-server', 'x-forwarded-scheme', 'x-forwarded-prefix', 'x_forwarded_host'],
    ];
    for (const name of names) {
      const world = gullible(test, field(name));
      const { body, cache } = poison(world, { asked: { headers: [name, 'evil.example'] } });
      assert.deepEqual([body.includes('evil'), cache], [false, 'hit'], name);
      test.mock.timers.reset();
    }
  });

  // The operator's own proxy in front passes the attacker's X-Forwarded-Host on, and its word is believed.
  // Defence: what a trusted sender says of host, scheme and port, and peers are told, is part of the key.
  it('X-Forwarded-Host of a trusted sender is in the key, and so are its kin', (test) => {
    const trust = new Trust(['10.0.0.0/8']);
    const asked = (headers: string[]) => ({ headers, remoteAddress: '10.0.0.1' });
    const cases = [
      ['x-forwarded-host', 'evil.example'],
      ['x-forwarded-port', 'evil.example'],
      ['x-forwarded-proto', 'evil.example'],
      ['forwarded', 'for=192.0.2.1;host=evil.example'],
    ] as const;
    for (const [name, value] of cases) {
      const requestHead = {
        hostHeader: 'client',
        via: null,
        edits: null,
        forwarded: 'both',
        trust,
      };
      const world = new CacheWorld(
        test,
        {},
        (request) => ({ headers: ['cache-control', 'max-age=600'], body: field(name)(request) }),
        { requestHead: requestHead as Plan['requestHead'] },
      );
      const headers = ['x-forwarded-for', '192.0.2.1', name, value];
      const { body } = poison(world, { asked: asked(headers) }, { asked: asked([]) });
      assert.equal(body.includes('evil'), false, name);
      const others = ['x-forwarded-for', '192.0.2.9', name, value.replace('2.1', '2.9')];
      assert.equal(
        world.get('/', asked(others)).cache,
        'hit',
        `${name}: addresses are no part of it`,
      );
      test.mock.timers.reset();
    }
  });

  // X-Forwarded-Port tells which port was asked; a Host without a port does not. Defence: it is in the key.
  it('the port of another listener is in the key', (test) => {
    const world = gullible(test, field('x-forwarded-port'));
    const { body } = poison(world, { asked: { port: 8080 } });
    assert.equal(body.includes('8080'), false);
  });

  // Fields that frameworks obey: another URL, another method, another host. Defence: a request with one of
  // them goes past the cache, unless the operator made it a part of the key.
  it('fields that steer an application keep an answer out of the store', (test) => {
    const names = [
      ...['x-original-url', 'x-rewrite-url', 'x-http-method-override', 'x-method-override'],
      ...['x-host', 'x-original-host', 'x-original-forwarded-host', 'x-middleware-subrequest'],
    ];
    for (const name of names) {
      const world = gullible(test, field(name));
      const { body } = poison(world, { asked: { headers: [name, 'evil.example'] } });
      assert.equal(body.includes('honest'), true, name);
      test.mock.timers.reset();
    }
    const underscored = gullible(test, field('x_original_url'));
    const asked = { headers: ['x_original_url', 'evil.example'] };
    assert.equal(poison(underscored, { asked }).body.includes('honest'), true);
    test.mock.timers.reset();
    const keyed = gullible(test, field('x-host'), { key: { headers: ['x-host'] } });
    const { body } = poison(keyed, { asked: { headers: ['x-host', 'evil.example'] } });
    assert.equal(body.includes('honest'), true);
  });

  // Any other field that an application reflects without saying so in Vary can only be known to the
  // operator. Defence: the key, or Vary, which is heeded.
  it('a field in Vary, or in the key, is kept apart', (test) => {
    const world = new CacheWorld(test, {}, (request) => ({
      headers: ['cache-control', 'max-age=600', 'vary', 'X-Theme'],
      body: field('x-theme')(request),
    }));
    assert.equal(poison(world, { asked: { headers: ['x-theme', 'evil'] } }).body, 'honest');
    test.mock.timers.reset();
    const keyed = gullible(test, field('x-theme'), { key: { headers: ['x-theme'] } });
    const { body } = poison(keyed, { asked: { headers: ['x-theme', 'evil'] } });
    assert.equal(body.includes('evil'), false);
  });

  // Hop-by-hop abuse: Connection names a field by which the answer is chosen. The peer never sees it, and
  // what it answers without would be kept for those who send it. Defence: such a request goes past the cache.
  it('a field that Connection keeps from the peer chooses no variant', (test) => {
    const language = field('accept-language');
    const world = new CacheWorld(test, { key: { headers: ['x-theme'] } }, (request) => ({
      headers: ['cache-control', 'max-age=600', 'vary', 'accept-language'],
      body: `${language(request)} ${field('x-theme')(request)}`,
    }));
    const honest = ['accept-language', 'de', 'x-theme', 'dark'];
    for (const names of ['Accept-Language', 'close, x-theme', 'keep-alive,accept-language']) {
      world.get('/', { headers: [...honest, 'connection', names] });
    }
    assert.equal(world.get('/', { headers: honest }).body, 'de dark');
    const plain = { headers: [...honest, 'connection', 'Keep-Alive, Upgrade, HTTP2-Settings, TE'] };
    assert.equal(world.get('/', plain).cache, 'hit');
  });

  // Conditions and parts: what one client asks for less is not all there is for the next. Defence: what is
  // fetched for the store is asked for whole.
  it('a range or a condition of one client is not the answer of all', (test) => {
    const world = new CacheWorld(test, {}, (request) => ({
      status: request.requestHeaders.includes('range') ? 206 : 200,
      headers: ['cache-control', 'max-age=600', 'etag', '"v"'],
      body: request.requestHeaders.includes('range') ? 'p' : 'page',
    }));
    const range = { asked: { headers: ['range', 'bytes=0-0'] } };
    assert.deepEqual([poison(world, range).status, world.get('/').body], [200, 'page']);
    test.mock.timers.reset();
    const other = new CacheWorld(test, {}, () => ({
      headers: ['cache-control', 'max-age=600', 'etag', '"v"'],
      body: 'page',
    }));
    const known = { asked: { headers: ['if-none-match', '"v"'] } };
    assert.deepEqual([poison(other, known).status, other.get('/').body], [200, 'page']);
  });
});

describe('the request line', () => {
  // Fat GET: the parameters are in a body that is no part of the key. Defence: requests with a body go past.
  it('a GET with a body is not stored', (test) => {
    let hasBody = true;
    const world = gullible(test, () => (hasBody ? 'evil.example' : 'honest'));
    world.get('/', { hasBody: true });
    hasBody = false;
    assert.equal(world.get('/').body.includes('evil'), false);
  });

  // Parameter cloaking: `/?a=1&utm_x=1;a=evil` is one unkeyed parameter to the cache, two parameters to an
  // application that takes `;` for a divider. Defence: what holds `;` is never left out of the key.
  it('a parameter that may be two is in the key', (test) => {
    const config = { key: { query: 'without', queryNames: ['utm_*'] } };
    const world = gullible(test, ({ target }) => target.split(/[?&;]/).at(-1)!, config);
    const { body } = poison(
      world,
      { target: '/?a=1&utm_x=1;a=evil', asked: {} },
      { target: '/?a=1', asked: {} },
    );
    assert.equal(body.includes('evil'), false);
  });

  // The same, where all but some parameters are left out: `/?%70age=evil`, `Page` and `+page` are no `page` to
  // the cache, and one to applications. Defence: only what nobody can take for one of those is left out.
  it('a parameter that may be one of those that count is in the key', (test) => {
    const config = { key: { query: 'only', queryNames: ['page', 'my_x'] } };
    const read = (target: string) => decodeURIComponent(target.split('?')[1] ?? '');
    const world = gullible(test, ({ target }) => read(target), config);
    for (const name of ['%70age', 'Page', '+page', 'page%00', 'my.x', 'my[x', 'page[]']) {
      const evil = { target: `/?${name}=evil`, asked: {} };
      assert.equal(poison(world, evil, { target: '/?', asked: {} }).body.includes('evil'), false);
    }
    assert.deepEqual([world.get('/?other=1').cache, world.get('/?other=2').cache], ['hit', 'hit']);
  });

  // A field of the key in the spelling of CGI: none to the cache, and `X-Tenant` to applications that can't
  // tell underscores from dashes. Defence: such requests go past the cache.
  it('a field that may be one of the key is not left out of it', (test) => {
    const config = { key: { headers: ['x-tenant'], device: true } };
    const world = gullible(test, () => 'x', config);
    const ask = (...headers: string[]) => world.get('/', { headers }).cache;
    assert.equal(ask('x_tenant', 'evil'), 'bypass');
    assert.equal(ask('x-tenant', '1', 'x_tenant', 'evil'), 'bypass');
    assert.equal(ask('user_agent', 'evil phone'), 'bypass');
    assert.deepEqual([ask(), ask('x_other', '1'), ask('x-tenant', '1')], ['miss', 'hit', 'miss']);
  });

  // A cookie that is part of the key, twice: the cache goes by the first, an application by the last.
  // Defence: such requests go past the cache. The same with conditions: any of several values meets them.
  it('a cookie that comes twice is not the first one alone', (test) => {
    const config = { key: { cookies: ['lang'] }, bypass: ['cookie:preview=1', 'header:x-test=1'] };
    const world = gullible(test, () => 'x', config);
    const ask = (...headers: string[]) => world.get('/', { headers }).cache;
    assert.equal(ask('cookie', 'lang=en; lang=evil'), 'bypass');
    assert.equal(ask('cookie', 'lang=en; lang =evil'), 'bypass');
    assert.equal(ask('cookie', 'lang =evil'), 'bypass');
    assert.equal(ask('cookie', 'lang=en', 'cookie', 'lang=evil'), 'bypass');
    assert.equal(ask('cookie', 'preview=0; preview=1'), 'bypass');
    assert.equal(ask('x-test', '0', 'x-test', '1'), 'bypass');
    assert.deepEqual([ask('cookie', 'lang=en'), ask('cookie', 'a=b; lang=en')], ['miss', 'hit']);
  });

  // Encoded dividers: `/?a%26b` and `/?a&b`, `/%2e%2e/x` and `/../x` are the same to some and not to others.
  // Defence: keys are bytes as they came.
  it('two spellings are two keys', (test) => {
    const world = gullible(test, ({ target }) => target);
    const spellings = ['/?a%26b', '/?a&b', '/a%2Fb', '/a/b', '/a%2fb', '/a;x', '/A'];
    for (const target of spellings) world.get(target);
    assert.equal(world.fetches, spellings.length);
  });

  // Key collision: a part that holds the divider of the key, so that two different requests get one key.
  // Defence: line feeds divide, which no part can hold; a missing part is not an empty one.
  it('no field value can look like another part of the key', (test) => {
    const config = { key: { headers: ['x-a', 'x-b'], cookies: ['c'] } };
    const world = gullible(test, () => 'honest', config);
    const asked = [
      ['x-a', '1', 'x-b', '2'],
      ['x-a', '1 =2'],
      ['x-a', '1', 'cookie', 'c=2'],
      ['x-b', '1', 'cookie', 'c=2'],
      ['x-a', '', 'x-b', '1'],
      ['x-b', '1'],
    ];
    for (const headers of asked) world.get('/', { headers });
    assert.equal(world.fetches, asked.length);
  });

  // Host: `example.com:1337` makes links with the port in them. Defence: all of Host is in the key.
  it('a port in Host is in the key', (test) => {
    const world = gullible(test, ({ host }) => host);
    const { body } = poison(world, { asked: { host: 'example.com:1337' } });
    assert.equal(body.includes('1337'), false);
  });
});

describe('cache deception', () => {
  // `/account/x.css` answers with the victim's account page, and the attacker asks for the same. Defence:
  // nothing is stored for how it is called; only what the origin lets be stored, and no cookies.
  it('a private page under a public name is not stored', (test) => {
    const answers = [
      ['set-cookie', 'session=1', 'cache-control', 'max-age=60'],
      ['cache-control', 'private, max-age=60'],
      [],
    ];
    for (const headers of answers) {
      const world = new CacheWorld(test, {}, () => ({ headers, body: 'secret' }));
      world.get('/account/x.css', { headers: ['cookie', 'session=1'] });
      assert.equal(world.get('/account/x.css').cache, 'miss');
      test.mock.timers.reset();
    }
  });

  // The same with Authorization, and for users whom a filter has let in.
  it('an answer to somebody in particular is not stored', (test) => {
    for (const asked of [{ headers: ['authorization', 'Basic eA=='] }, { isIdentified: true }]) {
      const world = gullible(test, () => 'secret');
      world.get('/', asked);
      assert.equal(world.get('/').cache, 'miss');
      test.mock.timers.reset();
    }
  });
});

describe('the answer', () => {
  // Response splitting: a value with CR LF would make two answers of one. Transports refuse such a head;
  // Defence here: if one came by, the listener leaves the field out, from the store as well.
  it('is never split by a stored field', (test) => {
    const world = new CacheWorld(test, {}, () => ({
      headers: ['cache-control', 'max-age=60', 'x-a', 'b\r\n\r\n<evil>'],
      body: 'page',
    }));
    world.get('/');
    const { status, responseHeaders } = world.get('/').exchange;
    assert.equal(headBytes(status, responseHeaders, '').includes('evil'), false);
  });

  // An error made by an attacker (a header that is too long, a method that is not allowed) is stored and
  // kept from everybody. Defence: errors are stored only when the origin or the operator gives them a life.
  it('that is an error is not stored unless somebody says so', (test) => {
    for (const status of [400, 403, 405, 413, 431, 500, 502]) {
      const world = new CacheWorld(test, {}, (_request, count) =>
        count === 1
          ? { status, body: 'error' }
          : { headers: ['cache-control', 'max-age=9'], body: 'page' },
      );
      assert.equal(
        poison(world, { asked: { headers: ['x-long', 'x'] } }).body,
        'page',
        `${status}`,
      );
      test.mock.timers.reset();
    }
  });

  // Accept_Language is Accept-Language to many applications, and the last one counts; the cache would keep
  // the page as that for the honest value. Defence: what is chosen by a field with a twin is not stored.
  it('chosen by the twin of a field in Vary is not stored', (test) => {
    const world = new CacheWorld(test, {}, ({ requestHeaders }) => ({
      headers: ['cache-control', 'max-age=60', 'vary', 'accept-language'],
      body: headerValue(requestHeaders, 'accept_language') ?? 'honest',
    }));
    world.get('/', { headers: ['accept-language', 'en', 'accept_language', 'evil'] });
    const { body, cache } = world.get('/', { headers: ['accept-language', 'en'] });
    assert.deepEqual([body, cache], ['honest', 'miss']);
  });

  // A peer that breaks off in the middle is asked for a page that others get cut short ever after.
  it('that broke off is not stored', (test) => {
    const world = new CacheWorld(test, {}, (_request, count) => ({
      headers: ['cache-control', 'max-age=60'],
      body: count === 1 ? 'half' : 'whole',
      breaksOff: count === 1,
    }));
    assert.equal(poison(world, { asked: {} }).body, 'whole');
  });
});

describe('purges', () => {
  // An application lets users set Location, or an attacker owns another host behind the same proxy: a POST
  // there must not throw out the answers of this one. Defence: only URLs and groups of the same origin.
  it('of others are not obeyed', (test) => {
    const world = new CacheWorld(test, {}, ({ method, host }) =>
      method === 'POST'
        ? {
            headers: [
              ...['location', 'http://victim.example/', 'content-location', '//victim.example/'],
              ...['cache-group-invalidation', '"g"'],
            ],
          }
        : { headers: ['cache-control', 'max-age=60', 'cache-groups', '"g"'], body: host },
    );
    world.get('/', { host: 'victim.example' });
    world.get('/', { host: 'evil.example', method: 'POST' });
    assert.equal(world.get('/', { host: 'victim.example' }).cache, 'hit');
  });

  // PURGE by anybody is a way to make the origin work. Defence: only addresses that are named; without any,
  // the method is the application's.
  it('by method are for named addresses alone', (test) => {
    const world = gullible(test, () => 'honest');
    world.get('/');
    assert.equal(world.get('/', { method: 'PURGE' }).status, 200);
    assert.equal(world.requests.at(-1)!.method, 'PURGE');
  });
});
