// The filter that asks a plugin: what it may do to a request, how long it takes, and what errors come to.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import type { Verdict } from '../../../../src/core/filter.ts';
import { octets, type PluginRequest } from '../../../../src/plugin/define-plugin.ts';
import { PluginFilter } from '../../../../src/worker/plugin/plugin-filter.ts';
import { makeExchange, makePlan } from '../support/exchanges.ts';
import { makeFilter, makeRoute, makeUnit, type Told } from './support.ts';

function codeOf(verdict: Verdict): string {
  assert.ok(verdict instanceof ProxyError, String(verdict));
  return verdict.code;
}

describe('a request as a plugin sees it', () => {
  it('tells what there is to know', () => {
    const exchange = makeExchange({
      method: 'PUT',
      target: '/a/b?x=1&y=%20&x=2',
      headers: ['host', 'h', 'accept', 'a', 'accept', 'b'],
    });
    exchange.captures = new Map([['id', '7']]);
    exchange.user = 'ada';
    let seen: unknown;
    const filter = makeFilter((request) => {
      const { method, path, query, host, scheme, clientAddress, user, route } = request;
      seen = { method, path, query, host, scheme, clientAddress, user, route };
      assert.equal(request.header('Accept'), 'a');
      assert.deepEqual(request.headers().slice(1), [
        ['accept', 'a'],
        ['accept', 'b'],
      ]);
      assert.equal(request.queryValue('y'), ' ');
      assert.deepEqual(request.queryValues('x'), ['1', '2']);
      assert.equal(request.capture('id'), '7');
      assert.equal(request.upstream, '');
      return undefined;
    });
    assert.equal(filter.apply(exchange), undefined);
    assert.deepEqual(seen, {
      method: 'PUT',
      path: '/a/b',
      query: 'x=1&y=%20&x=2',
      host: 'example.com',
      scheme: 'http',
      clientAddress: '192.0.2.7',
      user: 'ada',
      route: 'r',
    });
  });

  it('can be changed', () => {
    const exchange = makeExchange({ target: '/a?x', headers: ['host', 'h', 'a', '1', 'a', '2'] });
    const filter = makeFilter((request) => {
      request.path = '/ü/../b';
      request.query = 'y=1';
      request.setHeader('A', '3');
      request.addHeader('a', octets('4 €'));
      request.removeHeader('none');
      return undefined;
    });
    assert.equal(filter.apply(exchange), undefined);
    assert.equal(exchange.target, '/b?y=1');
    assert.deepEqual(exchange.requestHeaders, ['host', 'h', 'a', '3', 'a', '4 \xe2\x82\xac']);
  });

  it('goes to the upstream that is chosen', () => {
    const [one, other] = [makePlan(), makePlan()];
    const route = makeRoute(
      new Map([
        ['one', one],
        ['other', other],
      ]),
    );
    const request = (asked: PluginRequest) => {
      assert.equal(asked.upstream, 'one');
      asked.upstream = 'other';
      assert.equal(asked.upstream, 'other');
      return undefined;
    };
    const exchange = makeExchange();
    exchange.plan = one;
    assert.equal(new PluginFilter(makeUnit({ request }), route, {}).apply(exchange), undefined);
    assert.equal(exchange.plan, other);
  });

  // A plugin hands on what a client says: none of it may end a field, a path or a message.
  const attacks: readonly (readonly [string, (request: PluginRequest) => void])[] = [
    ['a line end in a value', (request) => request.setHeader('x', 'a\r\nb: c')],
    ['a character that is no octet', (request) => request.addHeader('x', '€')],
    ['a name that is none', (request) => request.setHeader('a b', 'c')],
    ['a field that frames', (request) => request.setHeader('Content-Length', '0')],
    ['a field of this hop', (request) => request.addHeader('transfer-encoding', 'chunked')],
    ['the host', (request) => request.removeHeader('host')],
    [
      'a path above the root',
      (request) => {
        request.path = '/../etc';
      },
    ],
    [
      'a path without a slash',
      (request) => {
        request.path = 'a';
      },
    ],
    [
      'a path with a query',
      (request) => {
        request.path = '/a?b';
      },
    ],
    [
      'a line end in a path',
      (request) => {
        request.path = '/a\r\n';
      },
    ],
    [
      'a blank in a query',
      (request) => {
        request.query = 'a b';
      },
    ],
    [
      'an upstream of another route',
      (request) => {
        request.upstream = 'x';
      },
    ],
  ];
  for (const [name, attack] of attacks) {
    it(`refuses ${name}`, () => {
      const exchange = makeExchange({ target: '/a?b', headers: ['host', 'h'] });
      const filter = makeFilter((request) => {
        attack(request);
        return undefined;
      });
      assert.equal(codeOf(filter.apply(exchange)), 'plugin_failed');
      assert.deepEqual([exchange.target, exchange.requestHeaders], ['/a?b', ['host', 'h']]);
    });
  }

  it('can be changed no more when it has gone on', async () => {
    let kept!: PluginRequest;
    const exchange = makeExchange();
    const filter = makeFilter((request) => {
      kept = request;
      return undefined;
    });
    filter.apply(exchange);
    assert.throws(() => kept.setHeader('a', 'b'), /too late/);
    assert.throws(() => {
      kept.path = '/b';
    }, /too late/);
    assert.equal(kept.path, '/');
  });
});

describe('an answer of a plugin', () => {
  it('is a reply', () => {
    const headers = { 'Content-Type': 'text/plain', 'set-cookie': ['a=1', 'b=2'] };
    const reply = makeFilter(() => ({ status: 201, headers, body: 'ü' })).apply(makeExchange());
    assert.deepEqual(reply, {
      status: 201,
      headers: ['content-type', 'text/plain', 'set-cookie', 'a=1', 'set-cookie', 'b=2'],
      body: Buffer.from('ü'),
    });
  });

  for (const [name, answer] of [
    ['another status', { status: 101 }],
    ['a status that is none', { status: '200' }],
    ['a split field', { headers: { a: 'b\nc' } }],
    ['a body that is none', { body: 7 }],
    ['a misspelt key', { stauts: 403 }],
    ['a text', 'no'],
    ['a web response', new Response('a')],
    ['a promise as body', { body: Promise.reject(new Error('x')) }],
  ] as const) {
    it(`is refused with ${name}`, () => {
      const filter = makeFilter(() => answer as never);
      assert.equal(codeOf(filter.apply(makeExchange())), 'plugin_failed');
    });
  }
});

describe('the time and the errors of a plugin', () => {
  it('that answers at once makes no promise', () => {
    assert.equal(makeFilter(() => undefined).apply(makeExchange()), undefined);
  });

  it('that answers by a promise holds the exchange', async () => {
    const verdict = makeFilter(async () => ({ status: 204 })).apply(makeExchange());
    assert.ok(verdict instanceof Promise);
    assert.deepEqual(await verdict, { status: 204, headers: [], body: new Uint8Array(0) });
  });

  it('whose promise never settles is given up, told so, and can change nothing more', async () => {
    let kept!: PluginRequest;
    const request = (asked: PluginRequest) => {
      kept = asked;
      assert.equal(asked.signal.aborted, false);
      return new Promise<undefined>(() => {});
    };
    const verdict = await makeFilter(request, { timeoutMs: 5 }).apply(makeExchange());
    assert.equal(codeOf(verdict), 'plugin_timeout');
    assert.equal(kept.signal.aborted, true);
    assert.throws(() => kept.setHeader('a', 'b'), /too late/);
  });

  it('are told to the plugin when the exchange ends before', async () => {
    let signal!: AbortSignal;
    const exchange = makeExchange();
    const filter = makeFilter(
      (request) => {
        signal = request.signal;
        return new Promise<undefined>(() => {});
      },
      { timeoutMs: 20 },
    );
    const verdict = filter.apply(exchange);
    for (let held = exchange.held; held !== null; held = held.next) held.release();
    assert.equal(signal.aborted, true);
    await verdict;
  });

  it('pass where it is declared so', async () => {
    const settings = { onError: 'pass', timeoutMs: 5 } as const;
    const failing = makeFilter(() => {
      throw new Error('x');
    }, settings);
    assert.equal(failing.apply(makeExchange()), undefined);
    const rejecting = makeFilter(() => Promise.reject(new Error('x')), settings);
    assert.equal(await rejecting.apply(makeExchange()), undefined);
    const late = makeFilter(() => new Promise<undefined>(() => {}), settings);
    assert.equal(await late.apply(makeExchange()), undefined);
  });

  it('are counted and told', async () => {
    const told: Told = [];
    const results: (() => Promise<undefined> | undefined)[] = [
      () => undefined,
      () => {
        throw new Error('x');
      },
      () => Promise.reject(new Error('x')),
      () => new Promise(() => {}),
    ];
    const unit = makeUnit(
      { request: () => results.shift()!() },
      { timeoutMs: 5, blockedMs: -1 },
      told,
    );
    const filter = new PluginFilter(unit, makeRoute(), {});
    for (let turn = 0; turn < 4; turn++) await filter.apply(makeExchange());
    const { calls, errors, timeouts, blocked, skipped } = unit.numbers;
    assert.deepEqual(
      { calls, errors, timeouts, blocked, skipped },
      { calls: 4, errors: 2, timeouts: 1, blocked: 4, skipped: 0 },
    );
    assert.ok(unit.numbers.busyMs > 0 && unit.numbers.waitedMs > 0);
    // Not once for each: a plugin that fails does so often.
    assert.deepEqual(told, ['plugin held up the worker', 'plugin failed']);
  });

  it('in a row earn it a rest, after which one call tries', () => {
    const told: Told = [];
    let isBroken = true;
    const request = () => {
      if (isBroken) throw new Error('x');
      return undefined;
    };
    const unit = makeUnit({ request }, { failuresInRow: 2, restMs: 0.001 }, told);
    const filter = new PluginFilter(unit, makeRoute(), {});
    const resting = new PluginFilter(
      makeUnit({ request }, { failuresInRow: 1, restMs: 1e9 }),
      makeRoute(),
      {},
    );
    const verdicts = [1, 2].map(() => codeOf(resting.apply(makeExchange())));
    assert.deepEqual(verdicts, ['plugin_failed', 'plugin_resting']);
    for (let turn = 0; turn < 3; turn++) filter.apply(makeExchange());
    isBroken = false;
    const endsAtMs = performance.now() + 1;
    while (performance.now() < endsAtMs);
    assert.equal(filter.apply(makeExchange()), undefined);
    assert.deepEqual(told.slice(0, 2), ['plugin failed', 'plugin fails and is given a rest']);
    assert.equal(told.at(-1), 'plugin is asked again');
  });
});

describe('a plugin that is replaced', () => {
  it('is closed when nothing of it runs any more', async () => {
    let isClosed = false;
    let settle!: (value: undefined) => void;
    const unit = makeUnit({
      request: () =>
        new Promise<undefined>((resolve) => {
          settle = resolve;
        }),
      close: () => {
        isClosed = true;
      },
    });
    const verdict = new PluginFilter(unit, makeRoute(), {}).apply(makeExchange());
    unit.close();
    assert.equal(isClosed, false);
    settle(undefined);
    await verdict;
    assert.equal(isClosed, true);
  });
});
