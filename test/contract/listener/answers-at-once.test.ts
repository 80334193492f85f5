// Answers that are given before the handler returns, as cache hits, redirects and refusals are: for them the
// engine need not be told whom to call when the client leaves, and what follows in the same segment is
// served in the same turn.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Exchange } from '../../../src/core/exchange.ts';
import { connectClient, readResponse } from '../../support/client.ts';
import { until } from '../../support/deadline.ts';
import {
  answer,
  NOTHING_BEHIND,
  openScripted,
} from '../../unit/worker/listener/support/scripted-handler.ts';

const LONG_FIELD = 'f'.repeat(12_000);

/** Whole, sized, chunked, without a body, with a head that is written in pieces. */
const answers: Record<string, (exchange: Exchange) => void> = {
  '/small': (exchange) => answer(exchange, { headers: ['x-at', 'small'], body: 's'.repeat(5000) }),
  '/large': (exchange) => answer(exchange, { body: 'l'.repeat(50_000) }),
  '/long-head': (exchange) => answer(exchange, { headers: ['x-long', LONG_FIELD], body: 'h' }),
  '/204': (exchange) => answer(exchange, { status: 204 }),
  '/304': (exchange) => answer(exchange, { status: 304, byteLength: 7 }),
  '/chunked': (exchange) => {
    exchange.status = 200;
    exchange.client.start(NOTHING_BEHIND);
    exchange.client.write(Buffer.alloc(9000, 'c'));
    exchange.client.write(Buffer.alloc(9000, 'd'));
    exchange.client.end();
  },
};
const BODY_BYTES: Record<string, number> = {
  ...{
    '/small': 5000,
    '/large': 50_000,
    '/long-head': 1,
    '/204': 0,
    '/304': 0,
    '/chunked': 18_000,
  },
};

function answerAtOnce(exchange: Exchange): void {
  answers[exchange.target]!(exchange);
}

function get(target: string, fields = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

describe('an answer given at once', () => {
  it('is whole and in its place among those to the same segment', async (t) => {
    const { port, handler, reports } = await openScripted(t, answerAtOnce);
    const client = await connectClient(port, { context: t });
    // The engine serves what comes behind an answer that is complete; none of these waits.
    const targets = [
      '/small',
      '/204',
      '/304',
      '/small',
      '/small',
      '/small',
      '/small',
      '/long-head',
    ];
    const asked = [...targets, ...targets, '/small'];
    await client.send(asked.map((target) => get(target)).join(''));
    for (const target of asked) {
      const response = await client.response();
      assert.equal(response.body.length, BODY_BYTES[target], target);
      if (target === '/long-head') assert.equal(response.header('x-long'), LONG_FIELD);
    }
    for (const target of ['/large', '/chunked', '/small']) {
      assert.equal((await client.request({ target })).body.length, BODY_BYTES[target]);
      const head = await client.request({ method: 'HEAD', target });
      assert.equal(head.body.length, 0);
    }
    assert.equal(handler.finishedExchanges.length, asked.length + 6);
    assert.deepEqual([handler.abortedExchanges, reports], [[], []]);
  });

  it('gets to a client that reads none for a while', async (t) => {
    const { port, handler, reports } = await openScripted(t, answerAtOnce);
    const client = await connectClient(port, { context: t });
    await client.send(get('/small'));
    await client.readUntil((bytes) => readResponse(bytes, 'GET', false) !== null, 'one answer');
    const answerBytes = client.received.length;
    client.pause();
    // More than both sockets hold, and all of it from one or two reads of the engine.
    const requests = 3000;
    await client.send(get('/small').repeat(requests - 1));
    await until(() => handler.finishedExchanges.length === requests, { what: 'all are served' });
    client.resume();
    let complete = 0;
    await client.readUntil((bytes) => {
      for (; ; complete++) {
        const found = readResponse(bytes.subarray(complete * answerBytes), 'GET', false);
        if (found === null) return complete === requests;
        assert.equal(found.endAt, answerBytes);
      }
    }, 'all answers');
    assert.deepEqual(reports, []);
  });

  it('gets whole to a client that reads none for a while, after a request in chunks', async (t) => {
    // More than both sockets hold, in one piece, and of known length.
    const body = 'b'.repeat(8 * 1024 * 1024);
    const { port, handler, reports } = await openScripted(t, (exchange) => {
      answer(exchange, { body });
    });
    const client = await connectClient(port, { context: t });
    client.pause();
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    await until(() => (handler.served[0]?.bytesSent ?? 0) > 0, { what: 'it has begun' });
    client.resume();
    assert.equal((await client.response()).body.length, body.length);
    await until(() => handler.finishedExchanges.length === 1, { what: 'it is over' });
    assert.deepEqual([handler.abortedExchanges, reports], [[], []]);
  });

  it('is not waited for by a client that leaves in the same segment', async (t) => {
    const { port, handler, listener, reports } = await openScripted(t, (exchange) => {
      if (exchange.target !== '/never') answerAtOnce(exchange);
    });
    for (const target of ['/small', '/large', '/never']) {
      const client = await connectClient(port, { context: t });
      client.socket.end(get(target));
    }
    await until(() => handler.finishedExchanges.length === 3, { what: 'all are over' });
    await until(() => listener.connectionsOpen === 0, { what: 'all have left' });
    const aborted = handler.abortedExchanges.map(({ target }) => target);
    assert.ok(aborted.includes('/never'));
    assert.ok(!aborted.includes('/small'));
    assert.deepEqual(reports, []);
  });

  it('ends the connection when the client wants that, also without a body', async (t) => {
    const { port, handler } = await openScripted(t, answerAtOnce);
    for (const wish of ['close', 'TE, close']) {
      for (const target of ['/small', '/large', '/chunked', '/204', '/304']) {
        const client = await connectClient(port, { context: t });
        const response = await client.request({ target, fields: [`Connection: ${wish}`] });
        assert.equal(response.header('connection'), 'close');
        assert.equal(response.body.length, BODY_BYTES[target]);
        client.socket.end();
        await client.untilClosed(5000);
      }
    }
    assert.deepEqual(handler.abortedExchanges, []);
    assert.equal(handler.finishedExchanges.length, 10);
  });

  it('keeps a method as it was sent', async (t) => {
    const { port, handler } = await openScripted(t, answerAtOnce);
    const client = await connectClient(port, { context: t });
    const methods = ['GET', 'get', 'Get', 'GETS', 'POST', 'DELETE'];
    for (const method of methods) await client.request({ method, target: '/204' });
    assert.deepEqual(
      handler.served.map(({ method }) => method),
      methods,
    );
  });
});

describe('in place of an answer', () => {
  it('a failure at once closes the connection and cancels what runs', async (t) => {
    const cancelled: string[] = [];
    const { port, handler, listener } = await openScripted(t, (exchange) => {
      exchange.running = { ...NOTHING_BEHIND, cancel: () => cancelled.push(exchange.target) };
      if (exchange.target === '/begun') {
        exchange.status = 200;
        exchange.client.start(NOTHING_BEHIND);
        exchange.client.write(Buffer.from('x'));
      }
      exchange.client.fail(new ProxyError('closed'));
    });
    for (const target of ['/untouched', '/begun']) {
      const client = await connectClient(port, { context: t });
      await client.send(get(target) + get('/behind'));
      await client.untilClosed(5000);
    }
    assert.deepEqual(cancelled, ['/untouched', '/begun']);
    assert.equal(handler.finishedExchanges.length, 2);
    assert.equal(listener.exchangesRunning, 0);
  });

  it('an exception leaves neither the process nor other requests in the lurch', async (t) => {
    const { port, handler, listener, reports } = await openScripted(t, (exchange) => {
      const { method, target } = exchange;
      if (target === '/fine') return answer(exchange, { body: 'fine' });
      if (target !== '/nothing') answers[target]!(exchange);
      throw new Error(`a bug in ${method} ${target}`);
    });
    const client = await connectClient(port, { context: t });
    for (const target of ['/small', '/large', '/204']) {
      // What is out already stays as it is.
      const { status } = await client.request({ target });
      assert.equal(status, target === '/204' ? 204 : 200);
    }
    const closing = { fields: ['Connection: TE, close'] };
    for (const method of ['GET', 'HEAD']) {
      for (const target of ['/nothing', '/small']) {
        const other = await connectClient(port, { context: t });
        const { status } = await other.request({ method, target, ...closing });
        assert.equal(status, target === '/small' ? 200 : 500);
      }
    }
    assert.equal((await client.request({ target: '/nothing' })).status, 500);
    assert.equal((await client.request({ target: '/fine' })).text(), 'fine');
    assert.equal(reports.length, 8);
    assert.equal(handler.finishedExchanges.length, 9);
    assert.equal(listener.exchangesRunning, 0);
  });

  it('closeAll from inside of a handler ends this exchange like the others', async (t) => {
    for (const target of ['/never', '/small']) {
      const setup = await openScripted(t, (exchange) => {
        if (exchange.target === '/waits') return;
        setup.listener.closeAll();
        if (exchange.target !== '/never') answerAtOnce(exchange);
      });
      const { handler, port, reports } = setup;
      const waiting = await connectClient(port, { context: t });
      await waiting.send(get('/waits'));
      await until(() => handler.served.length === 1, { what: 'one waits' });
      const client = await connectClient(port, { context: t });
      await client.send(get(target));
      await Promise.all([client.untilClosed(5000), waiting.untilClosed(5000)]);
      await until(() => handler.finishedExchanges.length === 2, { what: 'both are over' });
      assert.deepEqual(reports, []);
    }
  });
});
