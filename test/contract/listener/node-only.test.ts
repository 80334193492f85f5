// What only the engine node can: HTTP/1.0, absolute targets, trailers, and HTTP/2 with all that comes with it.

import assert from 'node:assert/strict';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Exchange } from '../../../src/core/exchange.ts';
import { headerValue } from '../../../src/core/headers.ts';
import type { WebSocketEnd } from '../../../src/core/tunnel.ts';
import { connectClient } from '../../support/client.ts';
import { until } from '../../support/deadline.ts';
import {
  answer,
  collect,
  NOTHING_BEHIND,
  openScripted,
  useEngine,
} from '../../unit/worker/listener/support/scripted-handler.ts';

useEngine('node');

/** Answers with the body it got, trailers and all. */
function echo(exchange: Exchange): void {
  collect(exchange, (body, error) => {
    exchange.status = error === null ? 200 : error.failure.status;
    exchange.responseByteLength = -1;
    exchange.responseTrailers = exchange.requestBody?.trailers ?? ['x-end', 'yes'];
    exchange.client.start(NOTHING_BEHIND);
    if (body.length > 0) exchange.client.write(body);
    exchange.client.end();
  });
}

describe('HTTP/1.x', () => {
  it('serves HTTP/1.0: with and without Host, and until the end of the connection', async (t) => {
    const { port, handler } = await openScripted(t, (exchange) => {
      if (exchange.target === '/sized') answer(exchange, { body: 'sized' });
      else echo(exchange);
    });
    for (const [head, host, body] of [
      ['GET /sized HTTP/1.0\r\n\r\n', `127.0.0.1:${port}`, 'sized'],
      ['POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 4\r\n\r\ntext', 'a', 'text'],
    ] as const) {
      const client = await connectClient(port, { context: t });
      await client.send(head);
      await client.untilClosed();
      const text = client.received.toString();
      assert.match(text, /^HTTP\/1\.1 200 /);
      assert.doesNotMatch(text, /transfer-encoding/i);
      assert.ok(text.endsWith(`\r\n\r\n${body}`), text);
      assert.equal(handler.served.at(-1)?.host, host);
    }
  });

  it('takes the host from an absolute target, whatever Host says', async (t) => {
    const { port, handler } = await openScripted(t, (exchange) => answer(exchange));
    const client = await connectClient(port, { context: t });
    for (const [target, host, path] of [
      ['http://b.example:81/x?y', 'b.example:81', '/x?y'],
      ['HTTP://b.example', 'b.example', '/'],
      ['http://b.example?q', 'b.example', '/?q'],
    ] as const) {
      assert.equal((await client.request({ target, host: 'a' })).status, 200);
      const served = handler.served.at(-1)!;
      assert.deepEqual([served.host, served.target], [host, path]);
    }
    for (const target of ['http://user@b.example/', 'ftp://b.example/', 'b.example']) {
      const other = await connectClient(port, { context: t });
      assert.equal((await other.request({ target, host: 'a' })).status, 400);
    }
  });

  it('takes trailers, and gives them to who says so', async (t) => {
    const { port } = await openScripted(t, echo);
    const client = await connectClient(port, { context: t });
    const fields = 'Host: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n';
    await client.send(`POST / HTTP/1.1\r\n${fields}2\r\nab\r\n0\r\nX-Sum: 7\r\n\r\n`);
    const response = await client.response();
    assert.deepEqual([response.text(), response.trailers], ['ab', [['x-sum', '7']]]);
    const without = await client.request({ method: 'POST', body: 'cd' });
    assert.deepEqual([without.text(), without.trailers], ['cd', []]);
  });

  it('answers 100 when somebody takes the body, and not before', async (t) => {
    const waiting: Exchange[] = [];
    const { port } = await openScripted(t, (exchange) => {
      if (exchange.target === '/no') answer(exchange, { status: 403 });
      else waiting.push(exchange);
    });
    const fields = 'Host: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
    const refused = await connectClient(port, { context: t });
    await refused.send(`POST /no HTTP/1.1\r\n${fields}`);
    const no = await refused.response();
    assert.deepEqual([no.status, no.interim, no.header('connection')], [403, [], 'close']);
    const client = await connectClient(port, { context: t });
    await client.send(`POST / HTTP/1.1\r\n${fields}`);
    await until(() => waiting.length === 1, { what: 'it is served' });
    assert.equal(client.received.length, 0);
    echo(waiting[0]!);
    await client.readUntil((bytes) => bytes.includes('100 Continue'), '100');
    await client.send('ok');
    assert.equal((await client.response()).text(), 'ok');
  });
});

interface Http2Answer {
  readonly head: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | null;
  readonly resetCode: number;
}

function openSession(context: TestContext, port: number): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  context.after(() => session.destroy());
  return session;
}

function finish(stream: ClientHttp2Stream): Promise<Http2Answer> {
  return new Promise((resolve) => {
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders | null = null;
    const parts: Buffer[] = [];
    stream.on('response', (fields) => {
      head = fields;
    });
    stream.on('trailers', (fields) => {
      trailers = fields;
    });
    stream.on('data', (part: Buffer) => parts.push(part));
    stream.on('error', () => {});
    stream.on('close', () => {
      resolve({ head, body: Buffer.concat(parts), trailers, resetCode: stream.rstCode });
    });
  });
}

function ask(
  session: ClientHttp2Session,
  fields: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Http2Answer> {
  const stream = session.request(fields, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return finish(stream);
}

describe('HTTP/2', () => {
  it('is served beside HTTP/1.1 on one port', async (t) => {
    const { port, reports } = await openScripted(t, (e) => answer(e, { body: 'x' }), {
      http2: true,
    });
    const { head, body } = await ask(openSession(t, port), { ':path': '/' });
    assert.equal(head[':status'], 200);
    assert.equal(head['content-length'], '1');
    assert.equal(String(body), 'x');
    const client = await connectClient(port, { context: t });
    await client.sendSlowly('PUT / HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal((await client.response()).text(), 'x');
    assert.deepEqual(reports, []);
  });

  it('has one host, joined cookies and no fields of one hop', async (t) => {
    const { port, handler } = await openScripted(
      t,
      (e) => answer(e, { headers: ['set-cookie', 'a', 'connection', 'close', 'set-cookie', 'b'] }),
      { http2: true },
    );
    const session = openSession(t, port);
    const fields = { ':path': '/', ':authority': 'A.example', cookie: ['a=1', 'b=2'] };
    const { head } = await ask(session, fields);
    assert.deepEqual([head['set-cookie'], head.connection], [['a', 'b'], undefined]);
    const [exchange] = handler.served as [Exchange];
    assert.equal(exchange.host, 'A.example');
    assert.equal(headerValue(exchange.requestHeaders, 'cookie'), 'a=1; b=2');
    const clash = await ask(session, { ...fields, host: 'other.example' });
    assert.equal(clash.head[':status'], 400);
    assert.equal(handler.refused[0]?.error.code, 'bad_host');
    const proxied = await ask(session, { ':method': 'CONNECT', ':authority': 'a:80' });
    assert.equal(proxied.head[':status'], 400);
  });

  it('carries large bodies both ways, and trailers', async (t) => {
    const { port } = await openScripted(t, echo, { http2: true });
    const session = openSession(t, port);
    const large = Buffer.alloc(2 * 1024 * 1024);
    for (let at = 0; at < large.length; at += 4) large.writeUInt32LE(at, at);
    const post = { ':path': '/', ':method': 'POST', te: 'trailers' };
    const { body, trailers } = await ask(session, post, large);
    assert.ok(body.equals(large));
    assert.equal(trailers?.['x-end'], 'yes');
  });

  it('resets what breaks off: it never looks complete', async (t) => {
    const { port, handler } = await openScripted(
      t,
      (exchange) => {
        exchange.status = 200;
        exchange.responseByteLength = exchange.target === '/sized' ? 10 : -1;
        exchange.client.start(NOTHING_BEHIND);
        exchange.client.write(Buffer.from('half'));
        setTimeout(() => {
          if (exchange.target === '/sized') exchange.client.end();
          else exchange.client.fail(new ProxyError('body_broken'));
        }, 20);
      },
      { http2: true },
    );
    const session = openSession(t, port);
    for (const path of ['/sized', '/unknown']) {
      const stream = session.request({ ':path': path });
      let hasEnded = false;
      stream.on('end', () => {
        hasEnded = true;
      });
      const { resetCode, body } = await finish(stream);
      assert.deepEqual([resetCode, hasEnded], [constants.NGHTTP2_INTERNAL_ERROR, false], path);
      assert.equal(String(body), 'half');
    }
    await until(() => handler.finishedExchanges.length === 2, { what: 'both are over' });
    assert.equal(handler.finishedExchanges[0]?.failure?.code, 'body_broken');
  });

  it('reports a client that cancels', async (t) => {
    const { port, handler, listener } = await openScripted(t, () => {}, { http2: true });
    const stream = openSession(t, port).request({ ':path': '/' });
    stream.on('error', () => {});
    await until(() => handler.served.length === 1, { what: 'it is served' });
    stream.close(constants.NGHTTP2_CANCEL);
    await until(() => handler.finishedExchanges.length === 1, { what: 'it is over' });
    assert.equal(handler.abortedExchanges.length, 1);
    assert.equal(listener.exchangesRunning, 0);
  });

  it('ends with GOAWAY after what runs, once it is drained', async (t) => {
    const waiting: Exchange[] = [];
    const { port, listener } = await openScripted(t, (e) => waiting.push(e), { http2: true });
    const session = openSession(t, port);
    let goaway = -1;
    session.on('goaway', (code) => {
      goaway = code;
    });
    const running = ask(session, { ':path': '/' });
    await until(() => waiting.length === 1, { what: 'it runs' });
    listener.drain();
    await until(() => goaway === constants.NGHTTP2_NO_ERROR, { what: 'the client is told' });
    answer(waiting[0]!, { body: 'done' });
    assert.equal(String((await running).body), 'done');
    await until(() => session.closed && listener.connectionsOpen === 0, { what: 'it ends' });
  });

  it('carries WebSockets by extended CONNECT', async (t) => {
    const messages: string[] = [];
    const closes: number[] = [];
    let end: WebSocketEnd | null = null;
    const { port, handler } = await openScripted(
      t,
      (exchange) => {
        const protocol = exchange.webSocket!.protocols[1]!;
        exchange.webSocket!.accept(protocol, ['x-peer', 'yes'], {
          onOpen: (opened) => {
            end = opened;
          },
          onMessage: (message, isBinary) => {
            messages.push(String(Buffer.from(message)));
            end!.send(message, isBinary);
          },
          onPing() {},
          onDrain() {},
          onClose: (code) => closes.push(code),
        });
      },
      { http2: true },
    );
    const session = openSession(t, port);
    await new Promise((resolve) => session.once('remoteSettings', resolve));
    const stream = session.request({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':path': '/chat',
      ':authority': 'a.example',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'one, two',
    });
    const head = await new Promise<IncomingHttpHeaders>((resolve) =>
      stream.once('response', resolve),
    );
    assert.equal(head[':status'], 200);
    assert.deepEqual([head['sec-websocket-protocol'], head['x-peer']], ['two', 'yes']);
    // `ws` masks as a client must; it knows nothing of HTTP/2, so it is given the stream.
    const socket = new WebSocket(null as never, undefined, {} as never);
    Object.assign(socket, { _isServer: false });
    const echoes: string[] = [];
    socket.on('message', (data) => echoes.push(String(data)));
    (socket as unknown as { setSocket(...values: unknown[]): void }).setSocket(
      stream,
      Buffer.alloc(0),
      { maxPayload: 1000, allowSynchronousEvents: true, skipUTF8Validation: false },
    );
    socket.send('over two');
    await until(() => echoes.length === 1, { what: 'the echo' });
    assert.deepEqual([messages, echoes], [['over two'], ['over two']]);
    socket.close(4000);
    await until(() => handler.finishedExchanges.length === 1, { what: 'it is over' });
    assert.deepEqual(closes, [4000]);
    assert.equal(handler.served[0]?.method, 'GET');
  });
});
