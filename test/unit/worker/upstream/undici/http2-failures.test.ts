// What goes wrong on an HTTP/2 connection stays with the stream that it happened to.

import assert from 'node:assert/strict';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { after, describe, it } from 'node:test';
import { ProxyError } from '../../../../../src/core/errors.ts';
import { createAuthority } from '../../../../support/certificates.ts';
import { until } from '../../../../support/deadline.ts';
import { completed, FedBody, makePeer, RecordingAttempt } from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';
import { listen, OK, startH2, startRelay, trusting } from './http2-origin.ts';
import { startUpstream, testOptions, turns } from './support.ts';

const authority = createAuthority({ after });
const certificate = authority.issue('127.0.0.1');
const MIB = 2 ** 20;

describe('failures of the undici transport over HTTP/2', () => {
  it('lets others pass while one client is slow', async (t) => {
    const origin = await startH2(t, certificate, (stream, headers) => {
      stream.respond({ ':status': 200 });
      stream.end(headers[':path'] === '/big' ? Buffer.alloc(MIB / 4) : 'hi');
    });
    const upstream = startUpstream(t, { ...trusting(authority), pendingMax: 100 });
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
    const origin = await startH2(t, certificate, (stream, headers) => {
      if (headers[':path'] === '/ok') return OK(stream, headers);
      stream.respond({ ':status': 200, 'content-length': '10' });
      stream.write('half', () => setImmediate(() => stream.close(2)));
    });
    const upstream = startUpstream(t, trusting(authority));
    const peer = makePeer(origin.port, 'https');
    const broken = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.deepEqual(broken.calls, ['head', 'start', 'failed body_broken', 'done body_broken']);
    const next = await completed((a) => upstream.send(makeExchange({ target: '/ok' }), peer, a));
    assert.deepEqual(next.calls, ['head', 'start', 'end', 'done']);
    assert.equal(origin.sessions.length, 1);
  });

  it('breaks the response when the peer ends it short of its length', async (t) => {
    const origin = await startH2(t, certificate, (stream) => {
      stream.respond({ ':status': 200, 'content-length': '10' });
      stream.end('half');
    });
    const upstream = startUpstream(t, trusting(authority));
    const attempt = await completed((a) =>
      upstream.send(makeExchange(), makePeer(origin.port, 'https'), a),
    );
    assert.equal(attempt.calls.at(-1), 'done body_broken');
  });

  it('reports peer_reset before the head, and a refused stream as never begun', async (t) => {
    const origin = await startH2(t, certificate, (stream, headers) => {
      stream.close(headers[':path'] === '/refuse' ? 7 : 2);
    });
    const upstream = startUpstream(t, trusting(authority));
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
    const origin = await startH2(t, certificate, (stream, headers) => {
      if (headers[':path'] === '/slow') {
        stream.respond({ ':status': 200 });
        stream.write('one');
        origin.sessions[0]!.close();
        setTimeout(() => stream.end('two'), 50);
      } else OK(stream, headers);
    });
    const upstream = startUpstream(t, trusting(authority));
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

  it('finishes what runs on the next connection when one that said GOAWAY breaks', async (t) => {
    const held: ServerHttp2Stream[] = [];
    const origin = await startH2(t, certificate, (stream) => {
      stream.respond({ ':status': 200 });
      stream.write('one');
      held.push(stream);
      if (held.length === 1) origin.sessions[0]!.close();
    });
    const relay = await startRelay(t, origin.port);
    const upstream = startUpstream(t, trusting(authority));
    const peer = makePeer(relay.port, 'https');
    const [first, second] = [new RecordingAttempt(), new RecordingAttempt()];
    for (const attempt of [first, second]) {
      upstream.send(makeExchange(), peer, attempt);
      await until(() => attempt.byteCount > 0, { what: 'the first part' });
      await turns();
    }
    assert.equal(relay.clients.length, 2);
    relay.clients[0]!.resetAndDestroy();
    await first.over();
    assert.equal(first.calls.at(-1), 'done body_broken');
    held[1]!.end('two');
    await second.over();
    assert.deepEqual(second.calls, ['head', 'start', 'end', 'done']);
  });

  it('resets the stream of a client that left, and keeps the connection', async (t) => {
    const codes: number[] = [];
    const origin = await startH2(t, certificate, (stream, headers) => {
      if (headers[':path'] !== '/big') return OK(stream, headers);
      stream.respond({ ':status': 200 });
      stream.write(Buffer.alloc(2 ** 20));
      stream.on('aborted', () => codes.push(stream.rstCode));
    });
    const upstream = startUpstream(t, trusting(authority));
    const peer = makePeer(origin.port, 'https');
    const attempt = new RecordingAttempt();
    upstream.send(makeExchange({ target: '/big' }), peer, attempt);
    await until(() => attempt.byteCount > 0, { what: 'the first bytes' });
    attempt.source!.cancel(new ProxyError('client_closed'));
    assert.equal(attempt.calls.at(-1), 'done client_closed');
    await until(() => codes.length === 1, { what: 'the stream is reset' });
    // Any other code than CANCEL shows that the guard against node:http2 is not in place.
    assert.deepEqual(codes, [8]);
    const next = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.equal(next.calls.at(-1), 'done');
    assert.equal(origin.sessions.length, 1);
  });

  it('survives many clients that leave in the middle of their uploads', async (t) => {
    const origin = await startH2(t, certificate, (stream, headers) => {
      stream.resume();
      stream.on('end', () => {
        if (!stream.destroyed) OK(stream, headers);
      });
    });
    const upstream = startUpstream(t, { ...trusting(authority), pendingMax: 1000 });
    const peer = makePeer(origin.port, 'https');
    for (let round = 0; round < 20; round++) {
      const exchanges = Array.from({ length: 10 }, () => {
        const body = new FedBody(round % 2 === 0 ? 2000 : -1);
        const exchange = makeExchange({ method: 'POST', body });
        upstream.send(exchange, peer, new RecordingAttempt());
        body.feed(Buffer.alloc(1000));
        return exchange;
      });
      await new Promise((resolve) => setTimeout(resolve, round % 4));
      for (const { running } of exchanges) running?.cancel(new ProxyError('client_closed'));
    }
    const next = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.deepEqual(next.calls, ['head', 'start', 'end', 'done']);
  });

  it('reports head_timeout for a peer that takes no uploads, and goes on', async (t) => {
    const origin = await startH2(
      t,
      certificate,
      (stream, headers) => {
        if (headers[':method'] === 'GET') OK(stream, headers);
      },
      { initialWindowSize: 100 },
    );
    const upstream = startUpstream(t, {
      ...trusting(authority),
      timeouts: { ...testOptions.timeouts, headMs: 1000 },
    });
    const peer = makePeer(origin.port, 'https');
    const streamed = new FedBody(100_000);
    const whole = new FedBody(10_000);
    whole.complete = Buffer.alloc(10_000);
    const attempts = [streamed, whole].map((body) => {
      const attempt = new RecordingAttempt();
      upstream.send(makeExchange({ method: 'PUT', body }), peer, attempt);
      body.feed(Buffer.alloc(10_000));
      return attempt;
    });
    for (const attempt of attempts) {
      await attempt.over();
      assert.deepEqual(attempt.calls, ['failure head_timeout']);
    }
    const next = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.deepEqual(next.calls, ['head', 'start', 'end', 'done']);
  });

  it('verifies certificates: authority and name', async (t) => {
    const origin = await startH2(t, certificate, OK);
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
