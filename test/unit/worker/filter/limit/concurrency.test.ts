// How many exchanges run at a time.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../../src/core/errors.ts';
import type { Exchange } from '../../../../../src/core/exchange.ts';
import { ConcurrencyFilter } from '../../../../../src/worker/filter/limit/concurrency.ts';
import { compileLimitKey } from '../../../../../src/worker/filter/limit/limit-key.ts';
import { makeExchange } from '../../support/exchanges.ts';

function limit(name: string, key: string, max: number) {
  return { name, max, key: compileLimitKey(key), running: new Map<string, number>() };
}

function from(remoteAddress: string, ...fields: string[]): Exchange {
  return makeExchange({ remoteAddress, headers: ['host', 'h', ...fields] });
}

function finish(exchange: Exchange): void {
  for (let held = exchange.held; held !== null; held = held.next) held.release();
}

describe('limits of what runs at a time', () => {
  it('count each client for itself, and let the next in when one is done', () => {
    const perClient = limit('per-client', 'address', 2);
    const filter = new ConcurrencyFilter([perClient]);
    const [first, second, third] = [from('192.0.2.1'), from('192.0.2.1'), from('192.0.2.1')];
    assert.equal(filter.apply(first), undefined);
    assert.equal(filter.apply(second), undefined);
    assert.equal(filter.apply(from('192.0.2.2')), undefined);
    const refusal = filter.apply(third);
    assert.ok(refusal instanceof ProxyError);
    assert.deepEqual(
      [refusal.code, refusal.detail],
      ['too_many_requests', 'concurrency per-client'],
    );
    finish(third);
    assert.ok(filter.apply(from('192.0.2.1')) instanceof ProxyError, 'it had no place');
    finish(first);
    assert.equal(filter.apply(from('192.0.2.1')), undefined);
  });

  it('give back what was taken before another limit refused, and forget who has nothing', () => {
    const limits = [limit('a', 'header:x-key', 5), limit('b', 'route', 1)];
    const filter = new ConcurrencyFilter(limits);
    const first = from('192.0.2.1', 'x-key', 'k');
    const second = from('192.0.2.1', 'x-key', 'k');
    assert.equal(filter.apply(first), undefined);
    assert.ok(filter.apply(second) instanceof ProxyError);
    assert.equal(limits[0]!.running.get('k'), 2);
    finish(second);
    assert.equal(limits[0]!.running.get('k'), 1);
    finish(first);
    assert.deepEqual(
      limits.map(({ running }) => running.size),
      [0, 0],
    );
  });

  it('do not count who has no key', () => {
    const filter = new ConcurrencyFilter([limit('a', 'user', 1)]);
    for (let at = 0; at < 3; at++) assert.equal(filter.apply(from('192.0.2.1')), undefined);
  });
});
