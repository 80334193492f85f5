// The undici transport against node:http2 servers, by ALPN over TLS and by prior knowledge.

import assert from 'node:assert/strict';
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { ProxyError } from '../../../../../src/core/errors.ts';
import { createAuthority } from '../../../../support/certificates.ts';
import { type Cleanup, until } from '../../../../support/deadline.ts';
import {
  completed,
  FedBody,
  headerLines,
  makePeer,
  RecordingAttempt,
} from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';
import { startUpstream, testOptions, turns } from './support.ts';

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

interface Http2Origin {
  readonly port: number;
  readonly sessions: ServerHttp2Session[];
  readonly headers: IncomingHttpHeaders[];
}

const authority = createAuthority({ after });
const certificate = authority.issue('127.0.0.1');
const OK: OnStream = (stream) => {
  stream.respond({ ':status': 200 });
  stream.end('hi');
};
const MIB = 2 ** 20;

async function listen(
  t: Cleanup,
  server: Http2Server | Http2SecureServer,
  onStream: OnStream,
): Promise<Http2Origin> {
  const sessions: ServerHttp2Session[] = [];
  const seen: IncomingHttpHeaders[] = [];
  server.on('session', (session) => sessions.push(session));
  server.on('stream', (stream, headers) => {
    seen.push(headers);
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions, headers: seen };
}

const startH2 = (t: Cleanup, onStream: OnStream, settings = {}) =>
  listen(t, createSecureServer({ ...certificate, settings }), onStream);

const trusting = () => ({ tls: { ...testOptions.tls, ca: authority.ca } });

describe('undici transport over HTTP/2', () => {
  it('carries many exchanges on one connection, chosen by ALPN', async (t) => {
    const origin = await startH2(t, OK);
    const upstream = startUpstream(t, { ...trusting(), pendingMax: 100 });
    const peer = makePeer(origin.port, 'https');
    const all = Array.from({ length: 50 }, (_, at) =>
      completed((a) => upstream.send(makeExchange({ target: `/${at}?x` }), peer, a)),
    );
    for (const attempt of await Promise.all(all)) {
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
      assert.equal(attempt.body.toString(), 'hi');
    }
    assert.equal(origin.sessions.length, 1);
    assert.equal(upstream.connections, 1);
    assert.equal(new Set(origin.headers.map((headers) => headers[':path'])).size, 50);
  });

  it('passes octets above 127 and repeated fields, and the Host as authority', async (t) => {
    const origin = await startH2(t, (stream) => {
      stream.respond({ ':status': 203, 'x-a': 'caf\xe9', 'set-cookie': ['a', 'b'], date: 'now' });
      stream.end();
    });
    const upstream = startUpstream(t, trusting());
    const exchange = makeExchange({
      target: '/\xe4?b',
      host: 'other.example:81',
      headers: [
        'x-b',
        '\xe4',
        'cookie',
        'a=1',
        'cookie',
        'b=2',
        'te',
        'gzip',
        'x-c',
        '1',
        'x-c',
        '2',
      ],
    });
    await completed((a) => upstream.send(exchange, makePeer(origin.port, 'https'), a));
    assert.equal(exchange.status, 203);
    assert.equal(exchange.responseByteLength, -1);
    assert.deepEqual(headerLines(exchange), ['x-a: caf\xe9', 'set-cookie: a', 'set-cookie: b']);
    const headers = origin.headers[0]!;
    assert.equal(headers[':authority'], 'other.example:81');
    assert.equal(headers[':path'], '/\xe4?b');
    assert.equal(headers['x-b'], '\xe4');
    assert.equal(headers['cookie'], 'a=1; b=2');
    assert.equal(headers['x-c'], '1, 2');
    assert.equal(headers['te'], undefined);
  });

  it('keeps one connection whatever Host the client names', async (t) => {
    const origin = await startH2(t, OK);
    const upstream = startUpstream(t, trusting());
    const peer = makePeer(origin.port, 'https');
    for (const host of ['a.example', 'b.example', '10.1.1.1']) {
      await completed((a) => upstream.send(makeExchange({ host }), peer, a));
      await turns();
    }
    assert.equal(origin.sessions.length, 1);
  });

  it('uploads and downloads 32 MiB, and both at once', async (t) => {
    const origin = await startH2(t, (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const upstream = startUpstream(t, trusting());
    for (const length of [32 * MIB, -1]) {
      const body = new FedBody(length);
      body.replayable = false;
      const exchange = makeExchange({ method: 'POST', body });
      const attempt = new RecordingAttempt();
      attempt.isKeeping = false;
      upstream.send(exchange, makePeer(origin.port, 'https'), attempt);
      await until(() => body.pipeCount === 1, { what: 'the body is piped' });
      const chunk = Buffer.alloc(2 ** 16);
      for (let fed = 0; fed < 32 * MIB; fed += chunk.length) {
        await until(() => !body.isPaused, { what: 'room' });
        body.feed(chunk);
      }
      body.finish();
      await attempt.over();
      assert.equal(attempt.calls.at(-1), 'done');
      assert.equal(attempt.byteCount, 32 * MIB);
    }
  });

  it('lets others pass while one client is slow', async (t) => {
    const origin = await startH2(t, (stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(headers[':path'] === '/big' ? Buffer.alloc(MIB / 4) : 'hi');
    });
    const upstream = startUpstream(t, { ...trusting(), pendingMax: 100 });
    const peer = makePeer(origin.port, 'https');
    const slow = Array.from({ length: 20 }, () => {
      const attempt = new RecordingAttempt();
      attempt.isFull = true;
      attempt.isKeeping = false;
      upstream.send(makeExchange({ target: '/big' }), peer, attempt);
      return attempt;
    });
    await until(() => slow.every((one) => one.byteCount > 0), { what: 'all have begun' });
    const quick = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.equal(quick.body.toString(), 'hi');
    for (const one of slow) assert.ok(one.byteCount <= 2 ** 17, `${one.byteCount} bytes`);
    for (const one of slow) {
      one.isFull = false;
      one.source!.resume();
    }
    for (const one of slow) {
      await one.over();
      assert.equal(one.byteCount, MIB / 4);
    }
  });

  it('breaks the response when the peer resets the stream in mid-body, and goes on', async (t) => {
    const origin = await startH2(t, (stream, headers) => {
      if (headers[':path'] === '/ok') return OK(stream, headers);
      stream.respond({ ':status': 200, 'content-length': '10' });
      stream.write('half', () => setImmediate(() => stream.close(2)));
    });
    const upstream = startUpstream(t, trusting());
    const peer = makePeer(origin.port, 'https');
    const broken = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.deepEqual(broken.calls, ['head', 'start', 'failed body_broken', 'done body_broken']);
    const next = await completed((a) => upstream.send(makeExchange({ target: '/ok' }), peer, a));
    assert.deepEqual(next.calls, ['head', 'start', 'end', 'done']);
    assert.equal(origin.sessions.length, 1);
  });

  it('breaks the response when the peer ends it short of its length', async (t) => {
    const origin = await startH2(t, (stream) => {
      stream.respond({ ':status': 200, 'content-length': '10' });
      stream.end('half');
    });
    const upstream = startUpstream(t, trusting());
    const attempt = await completed((a) =>
      upstream.send(makeExchange(), makePeer(origin.port, 'https'), a),
    );
    assert.equal(attempt.calls.at(-1), 'done body_broken');
  });

  it('reports peer_reset before the head, and a refused stream as never begun', async (t) => {
    const origin = await startH2(t, (stream, headers) => {
      stream.close(headers[':path'] === '/refuse' ? 7 : 2);
    });
    const upstream = startUpstream(t, trusting());
    const peer = makePeer(origin.port, 'https');
    for (const [target, row] of [
      ['/', 'peer_reset'],
      ['/refuse', 'connect_failed'],
    ] as const) {
      const attempt = await completed((a) => upstream.send(makeExchange({ target }), peer, a));
      assert.deepEqual(attempt.calls, [`failure ${row}`]);
    }
  });

  it('finishes what runs when the peer says GOAWAY, and opens another connection', async (t) => {
    const origin = await startH2(t, (stream, headers) => {
      if (headers[':path'] === '/slow') {
        stream.respond({ ':status': 200 });
        stream.write('one');
        origin.sessions[0]!.close();
        setTimeout(() => stream.end('two'), 50);
      } else OK(stream, headers);
    });
    const upstream = startUpstream(t, trusting());
    const peer = makePeer(origin.port, 'https');
    const slow = new RecordingAttempt();
    upstream.send(makeExchange({ target: '/slow' }), peer, slow);
    await until(() => slow.byteCount > 0, { what: 'the first part' });
    await turns();
    const next = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.deepEqual(next.calls, ['head', 'start', 'end', 'done']);
    await slow.over();
    assert.deepEqual(slow.calls, ['head', 'start', 'end', 'done']);
    assert.equal(slow.body.toString(), 'onetwo');
    assert.equal(origin.sessions.length, 2);
  });

  it('resets the stream of a client that left, and keeps the connection', async (t) => {
    const codes: number[] = [];
    const origin = await startH2(t, (stream, headers) => {
      if (headers[':path'] !== '/big') return OK(stream, headers);
      stream.respond({ ':status': 200 });
      stream.write(Buffer.alloc(2 ** 20));
      stream.on('aborted', () => codes.push(stream.rstCode));
    });
    const upstream = startUpstream(t, trusting());
    const peer = makePeer(origin.port, 'https');
    const attempt = new RecordingAttempt();
    upstream.send(makeExchange({ target: '/big' }), peer, attempt);
    await until(() => attempt.byteCount > 0, { what: 'the first bytes' });
    attempt.source!.cancel(new ProxyError('client_closed'));
    assert.equal(attempt.calls.at(-1), 'done client_closed');
    await until(() => codes.length === 1, { what: 'the stream is reset' });
    const next = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.equal(next.calls.at(-1), 'done');
    assert.equal(origin.sessions.length, 1);
  });

  it('opens no more streams than the peer allows, and serves all in turn', async (t) => {
    let running = 0;
    let most = 0;
    const origin = await startH2(
      t,
      (stream, headers) => {
        running += 1;
        most = Math.max(most, running);
        setTimeout(() => {
          running -= 1;
          OK(stream, headers);
        }, 5);
      },
      { maxConcurrentStreams: 4 },
    );
    const upstream = startUpstream(t, { ...trusting(), connectionsMax: 2, pendingMax: 100 });
    const peer = makePeer(origin.port, 'https');
    const all = Array.from({ length: 40 }, () =>
      completed((a) => upstream.send(makeExchange(), peer, a)),
    );
    for (const attempt of await Promise.all(all)) assert.equal(attempt.calls.at(-1), 'done');
    assert.ok(most <= 8, `${most} streams at once`);
    assert.ok(origin.sessions.length <= 2);
  });

  it('speaks HTTP/1.1 to a TLS peer without HTTP/2', async (t) => {
    const server = createTlsServer({ ...certificate }, (_request, response) => response.end('one'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    const { port } = server.address() as AddressInfo;
    const upstream = startUpstream(t, trusting());
    const peer = makePeer(port, 'https');
    const all = Array.from({ length: 6 }, () =>
      completed((a) => upstream.send(makeExchange(), peer, a)),
    );
    for (const attempt of await Promise.all(all)) assert.equal(attempt.body.toString(), 'one');
  });

  it('speaks HTTP/2 without TLS by prior knowledge where told to', async (t) => {
    const origin = await listen(t, createServer(), OK);
    const upstream = startUpstream(t, { h2c: true, pendingMax: 100 });
    const peer = makePeer(origin.port);
    const all = Array.from({ length: 10 }, () =>
      completed((a) => upstream.send(makeExchange(), peer, a)),
    );
    for (const attempt of await Promise.all(all)) assert.equal(attempt.body.toString(), 'hi');
    assert.equal(origin.sessions.length, 1);
  });

  it('verifies certificates: authority and name', async (t) => {
    const origin = await startH2(t, OK);
    const other = createAuthority(t);
    const wrongName = await listen(t, createSecureServer({ ...other.issue('app.internal') }), OK);
    const cases = [
      [origin.port, { ca: null }, 'failure tls_failed'],
      [origin.port, { ca: other.ca }, 'failure tls_failed'],
      [wrongName.port, { ca: other.ca }, 'failure tls_failed'],
      [wrongName.port, { ca: other.ca, serverName: 'app.internal' }, 'done'],
      [wrongName.port, { verify: false }, 'done'],
    ] as const;
    for (const [port, tls, last] of cases) {
      const upstream = startUpstream(t, { tls: { ...testOptions.tls, ...tls } });
      const attempt = await completed((a) =>
        upstream.send(makeExchange(), makePeer(port, 'https'), a),
      );
      assert.equal(attempt.calls.at(-1), last, JSON.stringify(Object.keys(tls)));
    }
  });
});
