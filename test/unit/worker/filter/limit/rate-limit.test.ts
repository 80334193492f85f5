// Requests are counted by the right key, refused with the right fields, delayed within bounds, and told to
// other workers.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../../src/core/errors.ts';
import { GcraTable } from '../../../../../src/std/gcra-table.ts';
import { HalfSipHash } from '../../../../../src/std/half-sip-hash.ts';
import { networkOf } from '../../../../../src/std/network-of.ts';
import { compileLimitKey } from '../../../../../src/worker/filter/limit/limit-key.ts';
import { RateLimitFilter, type Window } from '../../../../../src/worker/filter/limit/rate-limit.ts';
import { Spending } from '../../../../../src/worker/filter/limit/spending.ts';
import { until } from '../../../../support/deadline.ts';
import { makeExchange } from '../../support/exchanges.ts';

let now = 0;
const nowMs = () => now;

function window(requests: number, perMs: number, changes: Partial<Window> = {}): Window {
  const intervalMs = perMs / requests;
  return {
    name: 'w',
    requests,
    perMs,
    rate: { intervalMs, toleranceMs: perMs },
    delayMaxMs: 0,
    key: compileLimitKey('address'),
    table: new GcraTable(64),
    isShared: false,
    ...changes,
  };
}

function filter(windows: readonly Window[], onNews = () => {}): RateLimitFilter {
  return new RateLimitFilter({ windows, hash: new HalfSipHash(new Uint8Array(8)), nowMs, onNews });
}

const from = (remoteAddress: string) => makeExchange({ remoteAddress });

describe('a rate limit', () => {
  it('refuses what is too much, by client, and says when to come again', () => {
    now = 1000;
    const limit = filter([window(2, 10_000)]);
    assert.equal(limit.apply(from('192.0.2.1')), undefined);
    assert.equal(limit.apply(from('192.0.2.1')), undefined);
    const refused = limit.apply(from('192.0.2.1')) as ProxyError;
    assert.equal(refused.code, 'too_many_requests');
    assert.equal(refused.retryAfterSeconds, 5);
    assert.deepEqual(refused.headers, [
      'ratelimit-policy',
      '"w";q=2;w=10',
      'ratelimit',
      '"w";r=0;t=5',
    ]);
    assert.equal(limit.apply(from('192.0.2.2')), undefined);
    now += 5000;
    assert.equal(limit.apply(from('192.0.2.1')), undefined);
    assert.ok(limit.apply(from('192.0.2.1')) instanceof ProxyError);
  });

  it('charges nobody who is refused by another window', () => {
    now = 1000;
    const second = window(1, 1000);
    const hour = window(3, 3_600_000, { name: 'hour' });
    const limit = filter([second, hour]);
    for (let at = 0; at < 100; at++) limit.apply(from('192.0.2.1'));
    for (let at = 0; at < 2; at++) {
      now += 1000;
      assert.equal(limit.apply(from('192.0.2.1')), undefined, `${at}`);
    }
    now += 1000;
    assert.match((limit.apply(from('192.0.2.1')) as ProxyError).detail, /hour/);
  });

  it('lets wait what comes a little too early', async () => {
    now = 1000;
    const limit = filter([window(1, 20, { delayMaxMs: 25 })]);
    assert.equal(limit.apply(from('192.0.2.1')), undefined);
    const waits = limit.apply(from('192.0.2.1'));
    assert.ok(waits instanceof Promise);
    assert.ok(limit.apply(from('192.0.2.1')) instanceof ProxyError);
    assert.equal(await waits, undefined);
  });

  it('does not count requests without its key', () => {
    now = 1000;
    const limit = filter([window(1, 1000, { key: compileLimitKey('header:x-key') })]);
    for (let at = 0; at < 5; at++) assert.equal(limit.apply(from('192.0.2.1')), undefined);
    const keyed = () => limit.apply(makeExchange({ headers: ['x-key', 'a'] }));
    assert.equal(keyed(), undefined);
    assert.ok(keyed() instanceof ProxyError);
  });
});

describe('the key of a limit', () => {
  const cases: [address: string, network: string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0db8:0001:0002:0003:0004:0005:0006', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['2001:db8:1::', '2001:db8:1:0'],
    ['::1', '0:0:0:0'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['1:2:3:4::', '1:2:3:4'],
    ['', ''],
  ];
  for (const [address, network] of cases) {
    it(`takes ${address} for ${network}`, () => assert.equal(networkOf(address), network));
  }

  it('is what the description says', () => {
    const exchange = makeExchange({ headers: ['x-a', '1', 'cookie', 'c=2'] });
    exchange.user = 'ann';
    const keys = ['address', 'route', 'user', 'header:x-a', 'cookie:c', 'cookie:d'];
    const found = keys.map((key) => compileLimitKey(key)(exchange));
    assert.deepEqual(found, ['192.0.2.7', 'route', 'ann', '1', '2', '']);
    const ofClaims = () =>
      ['claim:org', 'claim:realm.id'].map((key) => compileLimitKey(key)(exchange));
    assert.deepEqual(ofClaims(), ['', '']);
    exchange.claims = { org: 'acme', realm: { id: 7 } };
    assert.deepEqual(ofClaims(), ['acme', '7']);
  });
});

describe('limits of several workers', () => {
  function worker(id: number, send: (records: Uint8Array) => boolean) {
    const spending = new Spending({ send, nowMs });
    const shared = window(10, 10_000, { isShared: true });
    spending.add(id, shared);
    return { spending, limit: filter([shared], spending.onNews) };
  }

  it('count what the others let pass', async () => {
    now = 1000;
    const sent: Uint8Array[] = [];
    const one = worker(5, (records) => sent.push(records) > 0);
    const other = worker(5, () => true);
    for (let at = 0; at < 7; at++) one.limit.apply(from('192.0.2.1'));
    await until(() => sent.length === 1, { what: 'the batch' });
    other.spending.receive(sent[0]!);
    for (let at = 0; at < 3; at++) assert.equal(other.limit.apply(from('192.0.2.1')), undefined);
    assert.ok(other.limit.apply(from('192.0.2.1')) instanceof ProxyError);
    one.spending.close();
    other.spending.close();
  });

  it('ignore records that are none, or of another limit', () => {
    const { spending, limit } = worker(5, () => true);
    spending.receive(new Uint8Array(15));
    const foreign = new Uint8Array(16).fill(1);
    spending.receive(foreign);
    assert.equal(limit.apply(from('192.0.2.1')), undefined);
    spending.close();
  });
});
