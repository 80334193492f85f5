// The undici transport against scripted HTTP/1.1 origins.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../../src/core/errors.ts';
import { until } from '../../../../support/deadline.ts';
import {
  answering,
  onEachRequest,
  sizedResponse,
  startOrigin,
} from '../../../../support/origin.ts';
import {
  completed,
  FedBody,
  headerLines,
  makePeer,
  RecordingAttempt,
} from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';
import { startUpstream, testOptions, turns } from './support.ts';

const OK = sizedResponse('hi');

describe('undici transport over HTTP/1.1', () => {
  it('sends the head byte for byte and takes the response without its hop-by-hop fields', async (t) => {
    const origin = await startOrigin(
      answering(
        'HTTP/1.1 201 Made\r\nContent-Length: 2\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n' +
          'Date: now\r\nKeep-Alive: timeout=9\r\nX-A: caf\xe9\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\nhi',
      ),
      { context: t },
    );
    const upstream = startUpstream(t);
    const exchange = makeExchange({
      method: 'PURGE',
      target: '/a/../b?x=%2F&\xe4',
      host: 'example.com:81',
      headers: [
        'x-a',
        'caf\xe9',
        'cookie',
        '1',
        'cookie',
        '2',
        'expect',
        '100-continue',
        'te',
        'x',
      ],
    });
    const attempt = await completed((a) => upstream.send(exchange, makePeer(origin.port), a));
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
    assert.equal(attempt.body.toString(), 'hi');
    assert.equal(exchange.status, 201);
    assert.equal(exchange.responseByteLength, 2);
    assert.deepEqual(headerLines(exchange), ['x-a: caf\xe9', 'set-cookie: a', 'set-cookie: b']);
    assert.equal(
      origin.connections[0]?.received.toString('latin1'),
      'PURGE /a/../b?x=%2F&\xe4 HTTP/1.1\r\nhost: example.com:81\r\nconnection: keep-alive\r\n' +
        'x-a: caf\xe9\r\ncookie: 1\r\ncookie: 2\r\n\r\n',
    );
  });

  for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'REPORT', 'OPTIONS']) {
    it(`keeps the connection after ${method} with a body`, async (t) => {
      const origin = await startOrigin(
        answering(
          method === 'HEAD'
            ? 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n'
            : OK,
        ),
        { context: t },
      );
      const upstream = startUpstream(t);
      const peer = makePeer(origin.port);
      for (let turn = 0; turn < 3; turn++) {
        const body = method === 'HEAD' ? null : new FedBody(3);
        if (body !== null) body.complete = Buffer.from('abc');
        const exchange = makeExchange({ method, body });
        const attempt = await completed((a) => upstream.send(exchange, peer, a));
        assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
        assert.equal(exchange.responseByteLength, method === 'HEAD' ? 7 : 2);
        await turns();
      }
      assert.equal(origin.connections.length, 1);
      assert.equal(origin.requests.length, 3);
      assert.equal(origin.requests[2]?.body.toString(), method === 'HEAD' ? '' : 'abc');
    });
  }

  it('streams a sized and a chunked body, copying what it is given', async (t) => {
    const origin = await startOrigin(answering(OK), { context: t });
    const upstream = startUpstream(t);
    const peer = makePeer(origin.port);
    for (const length of [9, -1]) {
      const body = new FedBody(length);
      const exchange = makeExchange({ method: 'DELETE', body });
      const attempt = new RecordingAttempt();
      upstream.send(exchange, peer, attempt);
      await until(() => body.pipeCount === 1, { what: 'the body is piped' });
      for (const part of ['abc', 'def', 'ghi']) body.feed(part);
      body.finish();
      await attempt.over();
      await turns();
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
    }
    const bodies = origin.requests.map((request) => request.body.toString());
    assert.deepEqual(bodies, ['abcdefghi', 'abcdefghi']);
    assert.notEqual(origin.requests[1]?.chunkSizes, null);
    assert.equal(origin.connections.length, 1);
  });

  it('holds a bounded part of a body that the peer does not read, and goes on later', async (t) => {
    const origin = await startOrigin(
      async (connection) => {
        connection.pause();
        await until(() => released, { what: 'the test lets go' });
        connection.resume();
        const request = await connection.nextRequest();
        await connection.send(sizedResponse(`${request?.body.length}`));
      },
      { context: t, recordBytesMax: 2 ** 26 },
    );
    let released = false;
    const total = 24 * 2 ** 20;
    const body = new FedBody(total);
    body.replayable = false;
    const upstream = startUpstream(t);
    const attempt = new RecordingAttempt();
    upstream.send(makeExchange({ method: 'POST', body }), makePeer(origin.port), attempt);
    await until(() => body.pipeCount === 1, { what: 'the body is piped' });
    const chunk = Buffer.alloc(2 ** 16, 'x');
    let fed = 0;
    let idleTurns = 0;
    await until(
      () => {
        if (body.isPaused) idleTurns += 1;
        else if (fed < total) {
          body.feed(chunk);
          fed += chunk.length;
          idleTurns = 0;
        }
        return idleTurns > 60;
      },
      { what: 'the body is paused' },
    );
    // The kernel's buffers take some megabytes; the rest must have stayed with the client.
    assert.ok(fed < total, `${fed} bytes taken`);
    released = true;
    await until(
      () => {
        while (!body.isPaused && fed < total) {
          body.feed(chunk);
          fed += chunk.length;
        }
        return fed === total;
      },
      { what: 'all is fed' },
    );
    body.finish();
    await attempt.over();
    assert.equal(attempt.body.toString(), `${total}`);
  });

  it('stops reading while the client is full', async (t) => {
    const total = 24 * 2 ** 20;
    let sent = 0;
    const origin = await startOrigin(
      onEachRequest(async (connection) => {
        await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
        const chunk = Buffer.alloc(2 ** 16, 'x');
        for (; sent < total; sent += chunk.length) await connection.send(chunk);
      }),
      { context: t },
    );
    const upstream = startUpstream(t, {
      timeouts: { ...testOptions.timeouts, bodyIdleMs: 1000 },
    });
    const attempt = new RecordingAttempt();
    attempt.isFull = true;
    attempt.isKeeping = false;
    upstream.send(makeExchange(), makePeer(origin.port), attempt);
    await attempt.head();
    let seen = -1;
    // Longer than the body timeout, which must not strike while the client is the slow one.
    const startedAtMs = performance.now();
    await until(
      () => {
        if (performance.now() - startedAtMs < 1500) return false;
        const isStill = seen === sent;
        seen = sent;
        return isStill;
      },
      { what: 'the origin is stopped' },
    );
    assert.ok(sent < total, `${sent} bytes sent`);
    assert.ok(attempt.byteCount <= 2 ** 17, `${attempt.byteCount} bytes taken`);
    attempt.isFull = false;
    attempt.source!.resume();
    await attempt.over();
    assert.equal(attempt.byteCount, total);
  });

  it('consumes interim responses, and a bounded number of them', async (t) => {
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';
    const origin = await startOrigin(
      onEachRequest(async (connection, { target }) => {
        await connection.send(hint.repeat(Number(target.slice(1))), OK);
      }),
      { context: t },
    );
    const upstream = startUpstream(t);
    const few = await completed((a) =>
      upstream.send(makeExchange({ target: '/16' }), makePeer(origin.port), a),
    );
    assert.deepEqual(few.calls, ['head', 'start', 'end', 'done']);
    const many = await completed((a) =>
      upstream.send(makeExchange({ target: '/17' }), makePeer(origin.port), a),
    );
    assert.deepEqual(many.calls, ['failure bad_response']);
  });

  it('cancels before the head silently and after it with onDone, closing the connection', async (t) => {
    const origin = await startOrigin(
      onEachRequest(async (connection, { target }) => {
        if (target === '/body')
          await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi');
      }),
      { context: t },
    );
    const upstream = startUpstream(t);
    const early = makeExchange();
    const silent = new RecordingAttempt();
    upstream.send(early, makePeer(origin.port), silent);
    await origin.requestCount(1);
    early.running!.cancel(new ProxyError('client_closed'));
    await (await origin.connection(0)).untilClosed();
    assert.deepEqual(silent.calls, []);
    assert.equal(early.running, null);

    const attempt = new RecordingAttempt();
    upstream.send(makeExchange({ target: '/body' }), makePeer(origin.port), attempt);
    await until(() => attempt.byteCount > 0, { what: 'the first bytes' });
    attempt.source!.cancel(new ProxyError('client_closed'));
    attempt.source!.cancel(new ProxyError('client_closed'));
    assert.deepEqual(attempt.calls, ['head', 'start', 'done client_closed']);
    await (await origin.connection(1)).untilClosed();
    await until(() => upstream.connections === 0, { what: 'nothing is left' });
    assert.equal(attempt.calls.length, 3);
  });

  it('sends a request again whose kept connection turned out to be closed', async (t) => {
    const origin = await startOrigin(
      async (connection) => {
        await connection.nextRequest();
        await connection.send(OK);
        if (connection.index === 0) {
          await connection.nextRequest();
          connection.reset();
        } else {
          for (;;) {
            if ((await connection.nextRequest()) === null) return;
            await connection.send(OK);
          }
        }
      },
      { context: t },
    );
    const upstream = startUpstream(t);
    const peer = makePeer(origin.port);
    await completed((a) => upstream.send(makeExchange(), peer, a));
    await turns();
    const again = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.deepEqual(again.calls, ['head', 'start', 'end', 'done']);
    assert.equal(origin.connections[0]?.requests.length, 2);
    assert.equal(origin.connections.length, 2);
  });

  it('does not repeat a POST', async (t) => {
    const origin = await startOrigin(
      async (connection) => {
        await connection.nextRequest();
        await connection.send(OK);
        await connection.nextRequest();
        connection.reset();
      },
      { context: t },
    );
    const upstream = startUpstream(t);
    const peer = makePeer(origin.port);
    await completed((a) => upstream.send(makeExchange(), peer, a));
    await turns();
    const post = await completed((a) => upstream.send(makeExchange({ method: 'POST' }), peer, a));
    assert.deepEqual(post.calls, ['failure peer_reset']);
    assert.equal(origin.connections.length, 1);
  });

  it('fails with the reason of a request body that broke off', async (t) => {
    const origin = await startOrigin(() => {}, { context: t });
    const upstream = startUpstream(t);
    const body = new FedBody(100);
    const attempt = new RecordingAttempt();
    upstream.send(makeExchange({ method: 'POST', body }), makePeer(origin.port), attempt);
    await until(() => body.pipeCount === 1, { what: 'the body is piped' });
    body.feed('abc');
    body.breakOff(new ProxyError('body_too_large'));
    await attempt.over();
    assert.deepEqual(attempt.calls, ['failure body_too_large']);
    await (await origin.connection(0)).untilClosed();
  });

  it('never throws on what undici refuses to write, and goes on', async (t) => {
    const origin = await startOrigin(answering(OK), { context: t });
    const upstream = startUpstream(t, { connectionsMax: 1 });
    const peer = makePeer(origin.port);
    await completed((a) => upstream.send(makeExchange(), peer, a));
    for (const bad of [
      makeExchange({ target: '/a b' }),
      makeExchange({ target: '*', method: 'OPTIONS' }),
      makeExchange({ headers: ['x', 'a\x7fb'] }),
      makeExchange({ headers: ['a b', 'c'] }),
      makeExchange({ headers: ['x', '\u0100'] }),
    ]) {
      const attempt = await completed((a) => upstream.send(bad, peer, a));
      assert.deepEqual(attempt.calls, ['failure bad_request']);
    }
    const next = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.deepEqual(next.calls, ['head', 'start', 'end', 'done']);
  });
});
