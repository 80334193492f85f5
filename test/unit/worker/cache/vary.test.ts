// Which requests are answered alike by answers with a Vary.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesVary, select, variantKey, varyRule } from '../../../../src/worker/cache/vary.ts';

describe('variants', () => {
  const alike = (name: string, one: string | null, other: string | null) => {
    const fields = (value: string | null) => (value === null ? [] : [name, value]);
    return matchesVary(select(varyRule(name)!, fields(one)).fields, fields(other));
  };

  it('go by the set of codings that are acceptable', () => {
    const name = 'accept-encoding';
    assert.equal(alike(name, 'gzip, br', 'br;q=0.5,gzip;q=1.0'), true);
    assert.equal(alike(name, 'gzip', 'GZIP, identity, br;q=0'), true);
    assert.equal(alike(name, 'gzip', 'x-gzip'), true);
    assert.equal(alike(name, 'gzip', 'gzip, br'), false);
    assert.equal(alike(name, 'gzip', 'gzip, identity;q=0'), false);
    assert.equal(alike(name, '*', ''), false);
    assert.equal(alike(name, null, ''), false);
  });

  it('go by languages in the order of their weights', () => {
    const name = 'accept-language';
    assert.equal(alike(name, 'en;q=0.8, de', 'DE,en;q=0.800'), true);
    assert.equal(alike(name, 'en, de', 'de, en'), false);
  });

  it('go by other fields as they are, but for blanks around commas', () => {
    assert.equal(alike('x-a', 'a,  b', 'a,b'), true);
    assert.equal(alike('x-a', 'a b', 'ab'), false);
    assert.equal(alike('x-a', 'A', 'a'), false);
  });

  it('have names that are sorted, once each, and not too many', () => {
    assert.deepEqual(varyRule('B, a, b,')!.names, ['a', 'b']);
    assert.equal(varyRule('a, *'), null);
    assert.equal(varyRule(Array.from({ length: 20 }, (_, n) => `x${n}`).join()), null);
    assert.deepEqual(varyRule(null)!.names, []);
  });

  it('have the same key only when they match', () => {
    const value = fc.option(
      fc.string({ unit: fc.constantFrom('a', ',', ' ', ':', '=', '-', ';') }),
    );
    const rule = varyRule('x-a, x-b')!;
    const fields = ([a, b]: readonly (string | null)[]) => [
      ...(a == null ? [] : ['x-a', a]),
      ...(b == null ? [] : ['x-b', b]),
    ];
    fc.assert(
      fc.property(fc.tuple(value, value), fc.tuple(value, value), (one, other) => {
        const first = select(rule, fields(one));
        const second = select(rule, fields(other));
        assert.equal(first.key === second.key, matchesVary(first.fields, fields(other)));
      }),
    );
  });

  it('wait for each other under the key of what they would be answered with', () => {
    const request = ['x-a', '1', 'accept-encoding', 'br, gzip'];
    const { fields, key } = select(varyRule('accept-encoding, x-a')!, request);
    assert.equal(variantKey('k', fields, request), `k\0${key}`);
    assert.equal(variantKey('k', [], request), 'k');
  });
});
