// What becomes of header fields: edits by the operator, and what peers say about themselves.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileHeaderEdits } from '../../../../../src/worker/filter/rewrite/header-edits.ts';
import {
  MapBack,
  type MapBackSettings,
} from '../../../../../src/worker/filter/rewrite/map-back.ts';
import { makeExchange, RecordingSink } from '../../support/exchanges.ts';

describe('header edits', () => {
  const none = { remove: [], set: {}, add: {}, append: {} };

  it('remove, set, add and append, in this order', () => {
    const edits = compileHeaderEdits({
      remove: ['x-internal-*', 'server'],
      set: { a: '{method} {path}', gone: 'back' },
      add: { b: 'new', c: 'new' },
      append: { b: 'more' },
    })!;
    const headers = ['server', 's', 'x-internal-1', '1', 'a', '1', 'a', '2', 'b', 'old'];
    const before = headers.slice();
    assert.deepEqual(edits.apply(headers, makeExchange({ target: '/p?q' })), [
      ...['b', 'old', 'a', 'GET /p', 'gone', 'back', 'c', 'new', 'b', 'more'],
    ]);
    assert.deepEqual(headers, before);
  });

  it('are none when nothing is asked for', () => {
    assert.equal(compileHeaderEdits(none), null);
  });

  // A value from a query may hold anything, decoded: line breaks would begin a field of the attacker's.
  it('let no variable end its field', () => {
    const edits = compileHeaderEdits({ ...none, set: { a: '{query.x}' } })!;
    const exchange = makeExchange({ target: '/?x=1%0d%0aset-cookie:%20a=b%00%7f' });
    assert.deepEqual(edits.apply([], exchange), ['a', '1  set-cookie: a=b  ']);
  });
});

describe('mapping back', () => {
  const settings: MapBackSettings = {
    origins: new Set(['http://10.0.0.1:8080', 'https://app.internal']),
    location: true,
    stripPrefix: '/shop',
    addPrefix: '/v2',
    cookieDomain: { 'app.internal': 'example.com', 'none.internal': '' },
    cookiePath: { '/private': '/shop/mine' },
  };

  function mapped(name: string, value: string, changed: Partial<MapBackSettings> = {}): string {
    const exchange = makeExchange({ host: 'example.com:8443' });
    exchange.scheme = 'https';
    exchange.responseHeaders = [name, value];
    new MapBack({ ...settings, ...changed }).attach(exchange, new RecordingSink());
    return exchange.responseHeaders[1]!;
  }

  const urls: readonly (readonly [string, string])[] = [
    ['http://10.0.0.1:8080/v2/a?b#c', 'https://example.com:8443/shop/a?b#c'],
    ['HTTPS://App.Internal:443/v2/a', 'https://example.com:8443/shop/a'],
    ['https://app.internal', 'https://example.com:8443/'],
    ['https://app.internal/other', 'https://example.com:8443/other'],
    ['/v2/a', '/shop/a'],
    ['/v2', '/shop/'],
    ['/v20/a', '/v20/a'],
    ['a/b', 'a/b'],
    ['//elsewhere.example/v2/a', '//elsewhere.example/v2/a'],
    ['https://elsewhere.example/v2/a', 'https://elsewhere.example/v2/a'],
    ['http://example.com:8443/v2/a', 'http://example.com:8443/shop/a'],
    ['https://user@app.internal/v2/', 'https://example.com:8443/shop/'],
    ['https://app.internal@elsewhere.example/', 'https://app.internal@elsewhere.example/'],
    ['https://[broken/v2/', 'https://[broken/v2/'],
  ];
  for (const [from, to] of urls) {
    it(`makes ${to} of ${from}`, () => {
      assert.equal(mapped('location', from), to);
      assert.equal(mapped('refresh', `5; url=${from}`), `5; url=${to}`);
    });
  }

  it('leaves prefixes that only were stripped on all paths of the peer', () => {
    assert.equal(mapped('location', '/a', { addPrefix: null }), '/shop/a');
  });

  it('maps domain and path of cookies, and nothing else of them', () => {
    const rest = 'Expires=Wed, 21 Oct 2026 07:28:00 GMT; HttpOnly';
    const cookie = (value: string) => mapped('set-cookie', value);
    assert.equal(
      cookie(`a=path=/v2; Domain=.App.internal; Path=/v2/x; ${rest}`),
      `a=path=/v2; Domain=example.com; Path=/shop/x; ${rest}`,
    );
    assert.equal(cookie('a=b; domain=none.internal; secure'), 'a=b; secure');
    assert.equal(cookie('a=b; domain=other.example'), 'a=b; domain=other.example');
    assert.equal(cookie('a=b; path=/private/x'), 'a=b; Path=/shop/mine/x');
    assert.equal(cookie('a=b'), 'a=b');
  });

  it('does not touch a list that may be somebody else’s', () => {
    const exchange = makeExchange();
    const stored = ['location', '/v2/a'];
    exchange.responseHeaders = stored;
    new MapBack(settings).attach(exchange, new RecordingSink());
    assert.deepEqual(stored, ['location', '/v2/a']);
  });
});
