// What goes along with a second attempt, a shadow's copy and a fetch for the cache.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { copyExchange } from '../../../src/core/copy-exchange.ts';
import { makeExchange, makePlan, RecordingSink } from '../worker/support/exchanges.ts';

describe('a copy of an exchange', () => {
  it('is the same request by the same client, with an account of its own', () => {
    const exchange = makeExchange({ method: 'HEAD', target: '/a?b', host: 'h' });
    exchange.clientAddress = '192.0.2.9';
    // As a trusted proxy told: FastCGI peers and variables go by it.
    exchange.scheme = 'https';
    exchange.requestId = 'id';
    exchange.captures = new Map([['name', 'value']]);
    exchange.attempts = 2;
    const plan = makePlan();
    const client = new RecordingSink();
    const headers = ['x-a', '1'];
    const copy = copyExchange(exchange, {
      ...{ plan, client, headers },
      ...{ method: 'GET', body: null, startedAtMs: 5 },
    });
    const { method, target, host, scheme, clientAddress, requestId, captures } = copy;
    assert.deepEqual(
      { method, target, host, scheme, clientAddress, requestId },
      {
        method: 'GET',
        target: '/a?b',
        host: 'h',
        scheme: 'https',
        clientAddress: '192.0.2.9',
        requestId: 'id',
      },
    );
    assert.equal(captures?.get('name'), 'value');
    assert.equal(copy.remoteAddress, exchange.remoteAddress);
    assert.deepEqual([copy.plan, copy.client, copy.requestHeaders], [plan, client, headers]);
    assert.deepEqual([copy.attempts, copy.startedAtMs, copy.webSocket], [0, 5, null]);
  });
});
