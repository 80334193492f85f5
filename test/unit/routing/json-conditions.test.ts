// Conditions on values in a JSON body: where they look, what they compare, and that they ask for a body only
// when all else fits.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Asked, NOWHERE } from '../../../src/routing/asked.ts';
import { compileJsonPointer, isJsonPointer } from '../../../src/routing/json-value.ts';
import { anyRequest, type RouteMatch } from '../../../src/routing/match.ts';
import { Router } from '../../../src/routing/router.ts';

function makeAsked(json: unknown, isRead = true): Asked {
  return {
    scheme: 'http',
    method: 'POST',
    target: '/rpc',
    host: 'h',
    requestHeaders: [],
    clientAddress: '192.0.2.7',
    requestId: 'r1',
    bodyFacts: { json, isRead, isWanted: false },
    captures: null,
  };
}

function routerOf(match: Partial<RouteMatch>): Router<string> {
  const router = new Router<string>({ matchers: {}, geo: NOWHERE });
  router.add(anyRequest, 'else');
  router.add({ ...anyRequest, ...match }, 'wanted');
  return router;
}

function takes(json: RouteMatch['json'], value: unknown): boolean {
  return routerOf({ json }).find(makeAsked(value)) === 'wanted';
}

describe('JSON pointers', () => {
  it('find what stands there, as RFC 6901 says', () => {
    const json = { a: { 'b/c': [10, { 'd~': 'x' }] }, '': 0, n: null };
    const found = ['/a/b~1c/0', '/a/b~1c/1/d~0', '/', '/n', '/a/x', '/n/x', '/a/b~1c/2'].map(
      (pointer) => compileJsonPointer(pointer)(json),
    );
    assert.deepEqual(found, [10, 'x', 0, null, undefined, undefined, undefined]);
  });

  it('find nothing that the client did not write', () => {
    for (const pointer of ['/constructor', '/__proto__', '/toString/name', '/list/length']) {
      assert.equal(compileJsonPointer(pointer)({ list: [] }), undefined, pointer);
    }
    assert.equal(compileJsonPointer('/__proto__')(JSON.parse('{"__proto__":1}')), 1);
  });

  it('are told from other texts', () => {
    assert.deepEqual(['/a', '/a/~0b~1', '/', '', 'a', '/a~', '/a~2'].map(isJsonPointer), [
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('conditions on JSON', () => {
  it('compare scalars as JSON writes them', () => {
    const json = { s: 'gold', n: 42.5, t: true, z: null, o: {}, u: 'zürich' };
    assert.ok(takes({ '/s': ['silver', 'gold'], '/n': ['42.5'], '/t': ['true'] }, json));
    assert.ok(takes({ '/z': ['null'], '/u': ['zürich'], '/s': ['~^go'] }, json));
    assert.ok(!takes({ '/s': ['gol'] }, json));
  });

  it('take any value for *, objects and lists for nothing else', () => {
    assert.ok(takes({ '/o': ['*'] }, { o: { a: 1 } }));
    assert.ok(takes({ '/o': ['*'] }, { o: null }));
    assert.ok(!takes({ '/o': ['~.*'] }, { o: [] }));
    assert.ok(!takes({ '/o': ['*'] }, {}));
    assert.ok(!takes({ '/o': ['*'] }, undefined));
  });

  it('ask for a body that is not read yet, and only when all else fits', () => {
    const router = routerOf({ path: ['/rpc'], method: ['POST'], json: { '/a': ['1'] } });
    const wants = (parts: Partial<Asked>) => {
      const asked = { ...makeAsked(undefined, false), ...parts };
      assert.equal(router.find(asked), 'else');
      return asked.bodyFacts?.isWanted === true;
    };
    assert.equal(wants({}), true);
    assert.equal(wants({ target: '/other' }), false);
    assert.equal(wants({ method: 'PUT' }), false);
    assert.equal(wants({ bodyFacts: null }), false);
  });
});
