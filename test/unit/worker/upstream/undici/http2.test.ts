// The undici transport against node:http2 servers, by ALPN over TLS and by prior knowledge.

import assert from 'node:assert/strict';
import { createServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { createAuthority } from '../../../../support/certificates.ts';
import { until } from '../../../../support/deadline.ts';
import {
  completed,
  FedBody,
  headerLines,
  makePeer,
  RecordingAttempt,
} from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';
import { listen, OK, startH2, trusting } from './http2-origin.ts';
import { startUpstream, turns } from './support.ts';

const authority = createAuthority({ after });
const certificate = authority.issue('127.0.0.1');
const MIB = 2 ** 20;

describe('undici transport over HTTP/2', () => {
  it('carries many exchanges on one connection, chosen by ALPN', async (t) => {
    const origin = await startH2(t, certificate, OK);
    const upstream = startUpstream(t, { ...trusting(authority), pendingMax: 100 });
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
    const origin = await startH2(t, certificate, (stream) => {
      stream.respond({ ':status': 203, 'x-a': 'caf\xe9', 'set-cookie': ['a', 'b'], date: 'now' });
      stream.end();
    });
    const upstream = startUpstream(t, trusting(authority));
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
    const origin = await startH2(t, certificate, OK);
    const upstream = startUpstream(t, trusting(authority));
    const peer = makePeer(origin.port, 'https');
    for (const host of ['a.example', 'b.example', '10.1.1.1']) {
      await completed((a) => upstream.send(makeExchange({ host }), peer, a));
      await turns();
    }
    assert.equal(origin.sessions.length, 1);
  });

  it('uploads and downloads 32 MiB, and both at once', async (t) => {
    const origin = await startH2(t, certificate, (stream) => {
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const upstream = startUpstream(t, trusting(authority));
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

  it('opens no more streams than the peer allows, and serves all in turn', async (t) => {
    let running = 0;
    let most = 0;
    const origin = await startH2(
      t,
      certificate,
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
    const upstream = startUpstream(t, {
      ...trusting(authority),
      connectionsMax: 2,
      pendingMax: 100,
    });
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
    const upstream = startUpstream(t, trusting(authority));
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
});
