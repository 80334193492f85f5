// The stage that shows responses to a plugin: heads, bodies, and what becomes of a response when it fails.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import type { BodyTransform, PluginResponse } from '../../../../src/plugin/define-plugin.ts';
import type { PluginStage } from '../../../../src/worker/plugin/plugin-stage.ts';
import { makeExchange, RecordingSink } from '../support/exchanges.ts';
import { makeStage } from './support.ts';

function attach(stage: PluginStage, headers = ['content-type', 'text/plain', 'etag', '"1"']) {
  const client = new RecordingSink();
  const exchange = makeExchange({}, client);
  exchange.status = 200;
  exchange.responseHeaders = headers;
  exchange.responseByteLength = 5;
  const sink = stage.attach(exchange, client);
  const cancelled: string[] = [];
  sink.start({ pause() {}, resume() {}, cancel: (error) => void cancelled.push(error.code) });
  return { client, exchange, sink, cancelled };
}

describe('a response as a plugin sees it', () => {
  it('can be changed, never the list that came', () => {
    const stored = ['a', '1', 'b', '2'];
    const { exchange, sink, client } = attach(
      makeStage((response) => {
        assert.deepEqual(response.headers(), [
          ['a', '1'],
          ['b', '2'],
        ]);
        response.status = 404;
        response.setHeader('A', '3');
        response.addHeader('a', '4');
        response.removeHeader('b');
        return undefined;
      }),
      stored,
    );
    assert.equal(exchange.status, 404);
    assert.deepEqual(exchange.responseHeaders, ['a', '3', 'a', '4']);
    assert.deepEqual(stored, ['a', '1', 'b', '2']);
    // Nothing stands between the bytes and the client.
    assert.equal(sink, client);
  });

  for (const [name, attack] of [
    ['a split field', (response: PluginResponse) => response.setHeader('a', 'b\r\nc: d')],
    ['a length', (response: PluginResponse) => response.setHeader('content-length', '0')],
    [
      'a status without a body',
      (response: PluginResponse) => {
        response.status = 204;
      },
    ],
    [
      'a status that is none',
      (response: PluginResponse) => {
        response.status = 99;
      },
    ],
    ['a promise', () => Promise.resolve(undefined) as never],
    ['no transform', () => ({}) as never],
  ] as const) {
    it(`is replaced by an error for ${name}`, () => {
      const { exchange, client, cancelled } = attach(
        makeStage((response) => attack(response) as undefined),
      );
      assert.equal(exchange.status, 500);
      assert.match(client.bytes, /^500 /);
      assert.equal(exchange.responseByteLength, client.bytes.length);
      assert.equal(client.state, 'ended');
      assert.deepEqual(cancelled, ['plugin_failed']);
      assert.equal(exchange.failure?.code, 'plugin_failed');
    });
  }

  it('passes as it is where errors are declared to pass', () => {
    const failing = () => {
      throw new Error('x');
    };
    const { exchange, sink, client } = attach(makeStage(failing, { onError: 'pass' }));
    assert.equal(exchange.status, 200);
    assert.equal(sink, client);
  });
});

describe('a body that a plugin changes', () => {
  const transform = (parts: Partial<BodyTransform>) =>
    makeStage(() => ({ chunk: (bytes) => bytes, ...parts }));

  it('is of unknown length, and its tag a weak one', () => {
    const { exchange, sink, client } = attach(
      transform({ chunk: (bytes) => `<${Buffer.from(bytes)}>`, end: () => '!' }),
    );
    sink.write(Buffer.from('ab'));
    sink.write(Buffer.from('c'));
    sink.end();
    assert.equal(client.bytes, '<ab><c>!');
    assert.equal(exchange.responseByteLength, -1);
    assert.deepEqual(exchange.responseHeaders, ['content-type', 'text/plain', 'etag', 'W/"1"']);
  });

  it('stays as it is where else it is needed, e.g. in the cache', () => {
    const { sink, client } = attach(transform({ chunk: (bytes) => bytes.fill(0x78) }));
    const stored = Buffer.from('ab');
    sink.write(stored);
    assert.deepEqual([client.bytes, String(stored)], ['xx', 'ab']);
  });

  it('never looks complete when the plugin fails in the middle', () => {
    const { sink, client, cancelled } = attach(
      transform({
        chunk: () => {
          throw new Error('x');
        },
      }),
    );
    assert.equal(sink.write(Buffer.from('ab')), false);
    sink.end();
    assert.equal(client.state, 'failed');
    assert.deepEqual(cancelled, ['plugin_failed']);
  });

  it('is left alone where it is a part of a whole', () => {
    const client = new RecordingSink();
    const exchange = makeExchange({}, client);
    exchange.status = 206;
    assert.equal(transform({}).attach(exchange, client), client);
  });

  it('fails as the peer does', () => {
    const { sink, client } = attach(transform({}));
    sink.fail(new ProxyError('body_broken'));
    assert.equal(client.state, 'failed');
  });
});
