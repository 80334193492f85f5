// A handler as a transport: one attempt, one outcome, whatever its function does, and bodies at the pace of
// whoever is slower.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProxyError } from '../../../../src/core/errors.ts';
import type { RequestHead } from '../../../../src/core/exchange.ts';
import type { Plugin } from '../../../../src/plugin/define-plugin.ts';
import { Handler } from '../../../../src/worker/plugin/handler.ts';
import { until } from '../../../support/deadline.ts';
import { FedBody, makePeer, RecordingAttempt } from '../support/attempts.ts';
import { makeExchange } from '../support/exchanges.ts';
import { makeUnit } from './support.ts';

type Fetch = NonNullable<Plugin['fetch']>;

function send(fetch: Fetch, head: Partial<RequestHead> = {}, timeoutMs = 10_000) {
  const unit = makeUnit({ fetch });
  const handler = new Handler({ unit, route: 'r', options: { a: 1 }, timeoutMs });
  const exchange = makeExchange(head);
  const attempt = new RecordingAttempt();
  handler.send(exchange, makePeer(1), attempt);
  return { exchange, attempt, unit };
}

describe('a handler', () => {
  it('gets a web request, and gives a web response', async () => {
    const body = new FedBody(3);
    const headers = ['host', 'h.test', 'x-a', '1', 'x-a', '2'];
    const { attempt, exchange } = send(
      async (request, { options, clientAddress }) => {
        assert.equal(request.url, 'http://h.test/p?q=1');
        assert.equal(request.method, 'POST');
        assert.equal(request.headers.get('x-a'), '1, 2');
        assert.deepEqual([options, clientAddress], [{ a: 1 }, '192.0.2.7']);
        const text = await request.text();
        return new Response(`got ${text}`, { status: 202, headers: { date: 'x', 'x-b': 'c' } });
      },
      { method: 'POST', host: 'h.test', target: '/p?q=1', headers, body },
    );
    body.feed('abc');
    body.finish();
    await attempt.over();
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
    assert.equal(attempt.body.toString(), 'got abc');
    assert.equal(exchange.status, 202);
    const fields = ['content-type', 'text/plain;charset=UTF-8', 'x-b', 'c'];
    assert.deepEqual(exchange.responseHeaders, fields);
    assert.equal(exchange.responseByteLength, -1);
  });

  for (const [name, fetch, expected] of [
    [
      'throws',
      () => {
        throw new Error('x');
      },
      'plugin_failed',
    ],
    ['rejects', () => Promise.reject(new Error('x')), 'plugin_failed'],
    ['gives nothing', () => undefined, 'plugin_failed'],
    ['gives another thing', () => ({ status: 200 }), 'plugin_failed'],
    ['gives an error', () => Response.error(), 'plugin_failed'],
    ['never answers', () => new Promise(() => {}), 'plugin_timeout'],
  ] as const) {
    it(`that ${name} fails its attempt by name`, async () => {
      const { attempt, unit } = send(fetch as unknown as Fetch, {}, 20);
      await attempt.over();
      assert.deepEqual(attempt.calls, [`failure ${expected}`]);
      assert.equal(unit.numbers.errors + unit.numbers.timeouts, 1);
    });
  }

  it('whose body breaks off or is none breaks the response off', async () => {
    for (const chunk of [new Error('x'), 'a text']) {
      const stream = new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(2));
          if (chunk instanceof Error) controller.error(chunk);
          else controller.enqueue(chunk);
        },
      });
      const { attempt } = send(() => new Response(stream));
      await attempt.over();
      const last = ['failed plugin_failed', 'done plugin_failed'];
      assert.deepEqual(attempt.calls.slice(-2), last);
    }
  });

  it('is not read from while the client is full, and is when there is room', async () => {
    let pulls = 0;
    const stream = new ReadableStream({
      pull(controller) {
        pulls += 1;
        if (pulls === 100) controller.close();
        else controller.enqueue(new Uint8Array(10));
      },
    });
    const unit = makeUnit({ fetch: () => new Response(stream) });
    const handler = new Handler({ unit, route: 'r', options: {}, timeoutMs: 10_000 });
    const attempt = new RecordingAttempt();
    attempt.isFull = true;
    handler.send(makeExchange(), makePeer(1), attempt);
    await until(() => attempt.byteCount === 10, { what: 'the first chunk' });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(attempt.byteCount, 10);
    assert.ok(pulls < 10, `${pulls}`);
    attempt.isFull = false;
    attempt.source!.resume();
    await attempt.over();
    assert.equal(attempt.byteCount, 990);
  });

  it('makes the client wait while it does not read, and not when it does', async () => {
    const body = new FedBody();
    let reader!: ReadableStreamDefaultReader<Uint8Array>;
    const { attempt } = send(
      (request) => {
        reader = request.body!.getReader() as typeof reader;
        return new Response(null, { status: 204 });
      },
      { method: 'PUT', body },
    );
    await until(() => body.pipeCount === 1, { what: 'the body is wanted' });
    while (body.feed(new Uint8Array(16_384)));
    assert.equal(body.isPaused, true);
    await attempt.over();
    await reader.read();
    await until(() => !body.isPaused, { what: 'room for more' });
  });

  it('is told when its request breaks off, and so is the client', async () => {
    const body = new FedBody();
    let reason: unknown;
    const { attempt } = send(
      async (request) => {
        await request.text().catch((error: unknown) => {
          reason = error;
        });
        return new Response();
      },
      { method: 'PUT', body },
    );
    await until(() => body.pipeCount === 1, { what: 'the body is wanted' });
    body.breakOff(new ProxyError('body_too_large'));
    await attempt.over();
    assert.deepEqual(attempt.calls, ['failure body_too_large']);
    await until(() => reason instanceof Error, { what: 'the reader is told' });
  });

  it('is told when the client leaves before its response, and reports nothing', async () => {
    let signal!: AbortSignal;
    const { exchange, attempt } = send((request) => {
      signal = request.signal;
      return new Promise(() => {});
    });
    exchange.running!.cancel(new ProxyError('client_closed'));
    assert.equal(signal.aborted, true);
    assert.deepEqual(attempt.calls, []);
  });

  it('has its stream cancelled when the client leaves in the middle', async (context) => {
    let isCancelled = false;
    const stream = new ReadableStream({
      async pull(controller) {
        // Endless, but it leaves others their turns.
        await nextTurn();
        if (!isCancelled) controller.enqueue(new Uint8Array(10));
      },
      cancel() {
        isCancelled = true;
      },
    });
    const { attempt } = send(() => new Response(stream));
    context.after(() => attempt.source?.cancel(new ProxyError('client_closed')));
    await until(() => attempt.byteCount > 0, { what: 'bytes' });
    attempt.source!.cancel(new ProxyError('client_closed'));
    await until(() => isCancelled, { what: 'the stream is cancelled' });
    assert.equal(attempt.calls.at(-1), 'done client_closed');
  });

  it('sends no body where there is none', async () => {
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
    ] as const) {
      const body = status === 204 ? null : 'a body';
      const { attempt } = send(() => new Response(body, { status }), { method });
      await attempt.over();
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
      assert.equal(attempt.byteCount, 0);
    }
  });

  it('never sees what the web has no request for', async () => {
    for (const [head, expected] of [
      [{ method: 'TRACE' }, 'method_not_allowed'],
      [{ host: 'a b' }, 'bad_request'],
    ] as const) {
      const { attempt } = send(() => assert.fail('asked'), head);
      assert.deepEqual(attempt.calls, [`failure ${expected}`]);
    }
  });
});
