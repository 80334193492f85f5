// Keys, variants and ranges: what is the same, what is not, and what is cut out.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import { keyHash } from '../../../../src/std/key-hash.ts';
import { parseByteRanges } from '../../../../src/worker/cache/byte-ranges.ts';
import { CacheKeys, deviceOf, originOf } from '../../../../src/worker/cache/cache-key.ts';
import { normalQuery, type QueryRule } from '../../../../src/worker/cache/query-key.ts';
import { makeExchange } from '../support/exchanges.ts';
import { CacheWorld } from './cache-world.ts';

const plain = {
  query: { kind: 'exact', names: [] },
  headers: [],
  cookies: [],
  byDevice: false,
} as const;

describe('the key', () => {
  it('tells hosts, ports, schemes, targets and plans apart, but not the case of hosts', () => {
    const keys = new CacheKeys('r\ta', plain);
    const of = (host: string, target: string, scheme: 'http' | 'https' = 'http') => {
      const exchange = makeExchange({ host, target });
      exchange.scheme = scheme;
      return keys.of(exchange);
    };
    const all = [
      of('a.example', '/'),
      of('a.example:81', '/'),
      of('a.example', '/', 'https'),
      of('a.example', '/?'),
      of('a.example', '//'),
      of('a.example', '/A'),
      of('b.example', '/'),
      new CacheKeys('r\tb', plain).of(makeExchange({ host: 'a.example', target: '/' })),
    ];
    assert.equal(new Set(all).size, all.length);
    assert.equal(of('A.Example', '/'), of('a.example', '/'));
  });

  it('is hashed as it is put together, to what its text alone would give', () => {
    const rules = [plain, { ...plain, headers: ['x-a'], byDevice: true }];
    for (const rule of rules) {
      for (const told of [null, () => '\nproto=https']) {
        const keys = new CacheKeys('r', rule, told);
        // Made, and then remembered.
        for (const target of ['/a?b=1', '/a?b=1', '/']) {
          const exchange = makeExchange({ host: 'A.example:81', target });
          exchange.requestHeaders.push('x-a', '1');
          const key = keys.of(exchange)!;
          const hash = keyHash(key);
          keyHash('another');
          assert.equal(hash, keyHash(Buffer.from(key, 'latin1').toString('latin1')));
        }
      }
    }
  });

  it('holds chosen fields and cookies, a missing one other than an empty one', () => {
    const rule = { ...plain, headers: ['x-a', 'x-b'], cookies: ['c'], byDevice: true };
    const keys = new CacheKeys('r', rule);
    const fields: RawHeaders[] = [
      [],
      ['x-a', ''],
      ['x-b', ''],
      ['x-a', '', 'x-b', ''],
      ['x-a', '1'],
      ['x-b', '1'],
      ['x-a', '1', 'x-b', '2'],
      ['x-a', '1, 2'],
      ['cookie', 'c=1'],
      ['cookie', 'c='],
      ['cookie', 'c=2; d=1'],
      ['user-agent', 'iPhone Mobile'],
      ['user-agent', 'iPad'],
    ];
    const all = fields.map((headers) => keys.of(makeExchange({ headers })));
    assert.equal(new Set(all).size, all.length);
    assert.equal(keys.of(makeExchange({ headers: ['cookie', 'd=1; c=1'] })), all[8]);
  });

  it('is none for a URL that is too long', () => {
    const exchange = makeExchange({ target: `/${'x'.repeat(9000)}` });
    assert.equal(new CacheKeys('r', plain).of(exchange), null);
  });

  it('is the same for two requests only when all that counts is the same', () => {
    const part = fc.string({
      unit: fc.constantFrom('a', '=', '&', ';', '?', '/', '%'),
      maxLength: 6,
    });
    const keys = new CacheKeys('r', { ...plain, headers: ['x-a'], cookies: ['c'] });
    const asked = fc.record({ target: part, header: fc.option(part), cookie: fc.option(part) });
    const keyOf = ({
      target,
      header,
      cookie,
    }: {
      target: string;
      header: string | null;
      cookie: string | null;
    }) => {
      const headers: RawHeaders = [];
      if (header !== null) headers.push('x-a', header);
      if (cookie !== null) headers.push('cookie', `c=${cookie.replaceAll(';', '')}`);
      return keys.of(makeExchange({ target: `/${target}`, headers }));
    };
    fc.assert(
      fc.property(asked, asked, (one, other) => {
        const clean = (from: typeof one) => ({
          ...from,
          cookie: from.cookie?.replaceAll(';', '') ?? null,
        });
        const same = JSON.stringify(clean(one)) === JSON.stringify(clean(other));
        assert.equal(keyOf(one) === keyOf(other), same);
      }),
    );
  });
});

describe('the query', () => {
  const form = (target: string, kind: QueryRule['kind'], ...names: string[]) =>
    normalQuery(target, { kind, names });

  it('is sorted by name, the values of one name in their order', () => {
    assert.equal(form('/?b=1&a=2&b=0&&a', 'sorted'), '/?a=2&a&b=1&b=0');
    assert.equal(form('/?b=1&a=2', 'exact'), '/?b=1&a=2');
    assert.equal(form('/?', 'sorted'), '/');
  });

  it('loses the parameters that do not count', () => {
    assert.equal(form('/?a=1&utm_x=2&b=3&utm_y', 'without', 'utm_*', 'b'), '/?a=1');
    assert.equal(form('/?a=1&b=2', 'only', 'b'), '/?b=2');
    assert.equal(form('/?a=1&b=2', 'none'), '/');
  });
});

describe('origins and devices', () => {
  it('are told roughly', () => {
    assert.equal(originOf('http', 'Example.com:80'), 'http://example.com');
    assert.equal(originOf('https', 'example.com:80'), 'https://example.com:80');
    assert.equal(deviceOf('Mozilla/5.0 (iPhone; …) Mobile/15E148 Safari'), 'phone');
    assert.equal(deviceOf('Mozilla/5.0 (Linux; Android 14; Pixel) Mobile Safari'), 'phone');
    assert.equal(deviceOf('Mozilla/5.0 (Linux; Android 14; Tab) Safari'), 'tablet');
    assert.equal(deviceOf('Mozilla/5.0 (X11; Linux x86_64)'), 'other');
  });
});

describe('parseByteRanges', () => {
  const pairs = (field: string, bytes = 1000) =>
    parseByteRanges(field, bytes)?.map(({ first, last }) => `${first}-${last}`) ?? null;

  it('reads what the RFC lists', () => {
    assert.deepEqual(pairs('bytes=0-499'), ['0-499']);
    assert.deepEqual(pairs('Bytes=500-'), ['500-999']);
    assert.deepEqual(pairs('bytes=-500'), ['500-999']);
    assert.deepEqual(pairs('bytes=-2000'), ['0-999']);
    assert.deepEqual(pairs('bytes=990-2000'), ['990-999']);
    assert.deepEqual(pairs('bytes= 0-0 , -1'), ['0-0', '999-999']);
  });

  it('finds nothing to send in what lies outside', () => {
    for (const field of ['bytes=1000-', 'bytes=-0', 'bytes=2000-3000']) {
      assert.deepEqual(pairs(field), [], field);
    }
    assert.deepEqual(pairs('bytes=0-', 0), []);
  });

  it('ignores what is malformed, foreign or too much', () => {
    for (const field of ['bytes', 'bytes=', 'bytes=a-b', 'bytes=5-4', 'items=0-1', 'bytes=0-1,x']) {
      assert.equal(pairs(field), null, field);
    }
    assert.equal(
      pairs(`bytes=${Array.from({ length: 20 }, (_, n) => `${n * 90}-${n * 90}`)}`),
      null,
    );
  });

  it('joins ranges that touch, so that no byte is sent twice', () => {
    assert.deepEqual(pairs('bytes=0-10,5-20,500-501'), ['0-20', '500-501']);
    assert.deepEqual(pairs('bytes=500-501,0-10'), ['500-501', '0-10']);
    assert.deepEqual(pairs('bytes=0-,0-,0-'), ['0-999']);
  });

  it('never leaves the body', () => {
    const spec = fc.tuple(fc.option(fc.nat(2000)), fc.option(fc.nat(2000)));
    fc.assert(
      fc.property(fc.array(spec, { minLength: 1, maxLength: 5 }), fc.nat(1500), (specs, bytes) => {
        const field = `bytes=${specs.map(([a, b]) => `${a ?? ''}-${b ?? ''}`).join(',')}`;
        let sum = 0;
        for (const { first, last } of parseByteRanges(field, bytes) ?? []) {
          assert.ok(first >= 0 && first <= last && last < bytes);
          sum += last - first + 1;
        }
        assert.ok(sum <= bytes);
      }),
    );
  });
});

describe('another rule for keys', () => {
  // An operator finds that part of the query matters, or that tenants are told apart by a cookie. What was
  // stored under the old rule outlives the reload, with keys that read the same under the new one.
  it('finds nothing that was stored by the one before', (test) => {
    const rules = [
      { key: { query: 'none' } },
      {},
      { key: { headers: ['x-tenant'] } },
      { key: { cookies: ['tenant'] } },
      { key: { query: 'without', queryNames: ['user'] } },
    ];
    const world = new CacheWorld(test, {}, (_request, count) => ({
      headers: ['cache-control', 'max-age=60'],
      body: `answer ${count}`,
    }));
    const get = (target: string) =>
      world.get(target, { headers: ['x-tenant', '1', 'cookie', 'tenant=1'] }).cache;
    for (const rule of rules) {
      world.reload(rule);
      assert.equal(get('/a'), 'miss', JSON.stringify(rule));
      assert.equal(get('/a'), 'hit', JSON.stringify(rule));
    }
    world.reload({});
    assert.equal(get('/a'), 'hit', 'the same rule again');
  });
});
