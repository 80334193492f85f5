// Answers of the proxy itself: plain or JSON, with an id, and without a body for HEAD.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type FailureCode, failures, ProxyError } from '../../../../src/core/errors.ts';
import { headerValue } from '../../../../src/core/headers.ts';
import { replyWithFailure } from '../../../../src/worker/reply/reply.ts';
import { makeExchange, RecordingSink } from '../support/exchanges.ts';

function failWith(code: FailureCode, method: string, headers: string[]) {
  const sink = new RecordingSink();
  const exchange = makeExchange({ method, headers: ['host', 'h', ...headers] }, sink);
  exchange.requestId = 'id-1';
  replyWithFailure(exchange, new ProxyError(code, 'secret detail 10.0.0.1'));
  return { sink, exchange };
}

describe('replyWithFailure', () => {
  it('answers every failure with its status, its id and nothing about the inside', () => {
    for (const code of Object.keys(failures) as FailureCode[]) {
      const { sink, exchange } = failWith(code, 'GET', []);
      assert.equal(exchange.status, failures[code].status);
      assert.equal(sink.state, 'ended');
      assert.match(sink.bytes, /request id: id-1/);
      assert.doesNotMatch(sink.bytes, /secret|10\.0/);
      assert.equal(exchange.responseByteLength, sink.bytes.length);
      assert.equal(exchange.failure?.code, code);
    }
  });

  it('speaks JSON to clients that accept it', () => {
    const { sink, exchange } = failWith('no_route', 'GET', [
      'accept',
      'text/html, application/json',
    ]);
    assert.equal(headerValue(exchange.responseHeaders, 'content-type'), 'application/json');
    assert.deepEqual(JSON.parse(sink.bytes), {
      status: 404,
      code: 'no_route',
      message: 'No route matches this request.',
      requestId: 'id-1',
    });
  });

  it('declares the length but sends no body to HEAD', () => {
    const { sink, exchange } = failWith('no_peer', 'HEAD', []);
    assert.equal(sink.bytes, '');
    assert.equal(sink.state, 'ended');
    assert.ok(exchange.responseByteLength > 0);
    assert.equal(headerValue(exchange.responseHeaders, 'retry-after'), '1');
  });
});
