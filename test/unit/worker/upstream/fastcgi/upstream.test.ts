// The FastCGI client against a scripted application: every cut of the records, broken answers, clients that
// leave, slow readers, kept connections, and those who wait.

import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { ProxyError } from '../../../../../src/core/errors.ts';
import type { RequestHead } from '../../../../../src/core/exchange.ts';
import { Peer } from '../../../../../src/core/peer.ts';
import { peerAddress } from '../../../../../src/core/peer-address.ts';
import { FastcgiUpstream } from '../../../../../src/worker/upstream/fastcgi/fastcgi-upstream.ts';
import type { FastcgiOptions } from '../../../../../src/worker/upstream/fastcgi/options.ts';
import { until } from '../../../../support/deadline.ts';
import { FedBody, RecordingAttempt } from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';

const STDIN = 5;
const STDOUT = 6;
const STDERR = 7;
const END_REQUEST = 3;

function record(type: number, content: string | Buffer, padding = 0): Buffer {
  const bytes = Buffer.from(content as string, 'latin1');
  const head = Buffer.from([1, type, 0, 1, bytes.length >> 8, bytes.length & 255, padding, 0]);
  return Buffer.concat([head, bytes, Buffer.alloc(padding, 0x58)]);
}

const end = (status = 0) => record(END_REQUEST, Buffer.from([0, 0, 0, 0, status, 0, 0, 0]), 3);
const ok = Buffer.concat([
  record(STDERR, 'odd\n'),
  record(STDOUT, 'Status: 201 Created\r\nX-A: 1\r\nDate: then\r\nContent-Le'),
  record(STDOUT, 'ngth: 5\n\r\nhe', 5),
  record(STDOUT, 'llo'),
  record(STDOUT, ''),
  end(),
]);

interface Application {
  readonly peer: Peer;
  readonly sockets: readonly Socket[];
  /** Content of all STDIN records so far. */
  stdin(): string;
}

/** Calls `answer` when the STDIN of a request is over (or at once, with `atOnce`). */
async function startApplication(
  context: TestContext,
  answer: (socket: Socket, count: number) => void,
  atOnce = false,
): Promise<Application> {
  const sockets: Socket[] = [];
  let stdin = '';
  let count = 0;
  const server = createServer((socket) => {
    sockets.push(socket);
    let held = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      held = Buffer.concat([held, bytes]);
      while (held.length >= 8 && held.length >= 8 + held.readUInt16BE(4)) {
        const length = held.readUInt16BE(4);
        if (held[1] === STDIN) stdin += held.subarray(8, 8 + length).toString('latin1');
        if (held[1] === (atOnce ? 1 : STDIN) && (atOnce || length === 0)) answer(socket, ++count);
        held = held.subarray(8 + length);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const url = `fastcgi://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const peer = new Peer(`app/${url}`, 'app', peerAddress(url));
  return { peer, sockets, stdin: () => stdin };
}

function open(context: TestContext, changes: Partial<FastcgiOptions> = {}) {
  const stderr: string[] = [];
  const upstream = new FastcgiUpstream({
    script: { root: '/app', index: 'i.php', frontController: null, endings: ['.php'], params: [] },
    connectionsMax: 10,
    pendingMax: 10,
    pendingTimeoutMs: 5000,
    keptMax: 0,
    idleMs: 5000,
    timeouts: { connectMs: 5000, headMs: 5000, bodyIdleMs: 5000 },
    responseHeadBytesMax: 1024,
    chunkedBodyBytesMax: 16,
    onStderr: (line) => stderr.push(line),
    ...changes,
  });
  context.after(() => upstream.close());
  const send = (peer: Peer, head: Partial<RequestHead> = {}) => {
    const attempt = new RecordingAttempt();
    const exchange = makeExchange({ target: '/x.php', ...head });
    upstream.send(exchange, peer, attempt);
    return { attempt, exchange };
  };
  return { upstream, send, stderr };
}

describe('the FastCGI client', () => {
  it('reads an answer however it is cut', async (t) => {
    for (const size of [1, 2, 3, 7, 8, 9, 64, ok.length]) {
      const { peer } = await startApplication(t, async (socket) => {
        for (let at = 0; at < ok.length; at += size) {
          await new Promise<void>((done) => socket.write(ok.subarray(at, at + size), () => done()));
          await new Promise(setImmediate);
        }
      });
      const { send, stderr } = open(t);
      const { attempt, exchange } = send(peer);
      await attempt.over();
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done'], `pieces of ${size}`);
      assert.equal(exchange.status, 201);
      assert.deepEqual(exchange.responseHeaders, ['x-a', '1']);
      assert.equal(exchange.responseDate, 'then', 'what a cache goes by');
      assert.equal(exchange.responseByteLength, 5);
      assert.equal(String(attempt.body), 'hello');
      assert.deepEqual(stderr, ['odd']);
    }
  });

  const broken: [name: string, bytes: Buffer, calls: RegExp][] = [
    ['closes without a word', Buffer.alloc(0), /^failure peer_reset$/],
    ['speaks another protocol', Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), /^failure bad_response$/],
    [
      'ends before its head',
      Buffer.concat([record(STDOUT, 'A: b\n'), end()]),
      /^failure bad_response$/,
    ],
    ['has a head with control bytes', record(STDOUT, 'A: b\0\n\n'), /^failure bad_response$/],
    ['splits a head', record(STDOUT, 'A: b\rX: y\n\n'), /^failure bad_response$/],
    ['has a strange status', record(STDOUT, 'Status: 99\n\n'), /^failure bad_response$/],
    [
      'has two lengths',
      record(STDOUT, 'Content-Length: 1\nContent-Length: 1\n\n'),
      /bad_response$/,
    ],
    ['has an endless head', record(STDOUT, 'x'.repeat(2000)), /^failure response_head_too_large$/],
    ['is overloaded', end(2), /^failure connect_failed$/],
    [
      'breaks off its body',
      record(STDOUT, 'A: b\n\nhalf'),
      /^head,start,failed body_broken,done body_broken$/,
    ],
    [
      'ends its body too early',
      Buffer.concat([record(STDOUT, 'Content-Length: 9\n\nhalf'), end()]),
      /failed body_broken,done body_broken$/,
    ],
    [
      'sends more than it declared',
      record(STDOUT, 'Content-Length: 1\n\nhalf'),
      /failed body_broken/,
    ],
  ];
  for (const [name, bytes, calls] of broken) {
    it(`fails cleanly when the application ${name}`, async (t) => {
      const { peer } = await startApplication(t, (socket) => socket.end(bytes));
      const { attempt } = open(t).send(peer);
      await attempt.over();
      assert.match(attempt.calls.join(), calls);
    });
  }

  it('tells an application that hangs from one that is not there', async (t) => {
    const { peer } = await startApplication(t, () => {});
    const timeouts = { connectMs: 5000, headMs: 50, bodyIdleMs: 50 };
    const { attempt } = open(t, { timeouts }).send(peer);
    await attempt.over();
    assert.deepEqual(attempt.calls, ['failure head_timeout']);
    const nobody = new Peer('app/x', 'app', peerAddress('fastcgi+unix:/nowhere/x.sock'));
    const other = open(t).send(nobody);
    await other.attempt.over();
    assert.deepEqual(other.attempt.calls, ['failure connect_failed']);
  });

  it('streams a body of declared length and gathers one of unknown length', async (t) => {
    const { peer, stdin } = await startApplication(t, (socket) => socket.write(ok));
    const { send } = open(t);
    const sized = new FedBody(6);
    const first = send(peer, { method: 'POST', body: sized });
    sized.feed('abc');
    sized.feed('def');
    sized.finish();
    await first.attempt.over();
    assert.equal(stdin(), 'abcdef');
    const chunked = new FedBody(-1);
    const second = send(peer, { method: 'POST', body: chunked });
    chunked.feed('ghi');
    chunked.finish();
    await second.attempt.over();
    assert.equal(stdin(), 'abcdefghi');
    const endless = new FedBody(-1);
    const third = send(peer, { method: 'POST', body: endless });
    endless.feed('x'.repeat(17));
    assert.deepEqual(third.attempt.calls, ['failure length_required']);
  });

  it('lets an application answer before it has the whole body', async (t) => {
    const { peer } = await startApplication(t, (socket) => socket.write(ok), true);
    const body = new FedBody(1000);
    const { attempt } = open(t, { keptMax: 4 }).send(peer, { method: 'POST', body });
    body.feed('abc');
    await attempt.over();
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
    assert.equal(body.feed('more'), false);
  });

  it('stops when the client leaves, before the head and after', async (t) => {
    const { peer, sockets } = await startApplication(t, (socket, count) => {
      if (count === 2) socket.write(record(STDOUT, 'A: b\n\nhalf'));
    });
    const { send, upstream } = open(t);
    const first = send(peer);
    await until(() => sockets.length === 1, { what: 'the connection' });
    first.exchange.running!.cancel(new ProxyError('client_closed'));
    assert.deepEqual(first.attempt.calls, []);
    const second = send(peer);
    await until(() => second.attempt.byteCount === 4, { what: 'half a body' });
    second.attempt.source!.cancel(new ProxyError('client_closed'));
    assert.deepEqual(second.attempt.calls, ['head', 'start', 'done client_closed']);
    assert.equal(upstream.connections, 0);
  });

  it('holds an application back while the client does not read', async (t) => {
    const big = Buffer.concat([
      record(STDOUT, 'A: b\n\n'),
      ...Array.from({ length: 512 }, () => record(STDOUT, 'x'.repeat(32_768))),
      end(),
    ]);
    const { peer, sockets } = await startApplication(t, (socket) => socket.write(big));
    const { attempt } = open(t).send(peer);
    attempt.isFull = true;
    attempt.isKeeping = false;
    await until(() => attempt.byteCount > 0, { what: 'the first bytes' });
    await until(() => sockets[0]!.writableLength > 0, { what: 'the application is held back' });
    assert.ok(attempt.byteCount < big.length / 2, `${attempt.byteCount}`);
    attempt.isFull = false;
    attempt.source!.resume();
    await attempt.over();
    assert.equal(attempt.byteCount, 512 * 32_768);
  });

  it('keeps connections when asked to, and survives that they are closed', async (t) => {
    const { peer, sockets } = await startApplication(t, (socket, count) => {
      if (count === 3) socket.destroy();
      else socket.write(ok);
    });
    const { send } = open(t, { keptMax: 1 });
    for (let at = 0; at < 3; at++) {
      const { attempt } = send(peer);
      await attempt.over();
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done'], `request ${at}`);
    }
    assert.equal(
      sockets.length,
      2,
      'the third was lost on the kept connection and went to a new one',
    );
  });

  it('lets the rest wait while all connections are busy, within bounds', async (t) => {
    const busy: Socket[] = [];
    const { peer } = await startApplication(t, (socket) => busy.push(socket));
    const { send, upstream } = open(t, { connectionsMax: 1, pendingMax: 2, pendingTimeoutMs: 60 });
    const [first, second, third, fourth] = [send(peer), send(peer), send(peer), send(peer)];
    assert.deepEqual(fourth.attempt.calls, ['failure queue_full']);
    third.exchange.running!.cancel(new ProxyError('client_closed'));
    assert.equal(upstream.pending, 1);
    await second.attempt.over();
    assert.deepEqual(second.attempt.calls, ['failure queue_timeout']);
    const fifth = send(peer);
    await until(() => busy.length === 1, { what: 'the first request' });
    busy[0]!.write(ok);
    await first.attempt.over();
    await until(() => busy.length === 2 || fifth.attempt.isOver, { what: 'the one that waited' });
    if (busy.length === 2) busy[1]!.write(ok);
    await fifth.attempt.over();
    assert.deepEqual(third.attempt.calls, []);
  });

  it('uses no connection again on which something follows a response', async (t) => {
    const whole = Buffer.concat([record(STDOUT, '\n'), end()]);
    for (const bytes of [
      // Of the padding a byte is missing.
      whole.subarray(0, -1),
      Buffer.concat([whole, end()]),
      Buffer.concat([whole, record(STDOUT, 'x').subarray(0, 1)]),
    ]) {
      const { peer, sockets } = await startApplication(t, (socket) => socket.write(bytes));
      const { upstream, send } = open(t, { keptMax: 1, connectionsMax: 1 });
      const sent = [send(peer), send(peer)];
      for (const { attempt } of sent) {
        await attempt.over();
        assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
      }
      assert.equal(sockets.length, 2);
      await until(() => upstream.connections === 0, { what: 'no connection is kept' });
    }
  });

  it('finds no script for paths without one, and refuses those that leave the root', (t) => {
    const { send } = open(t);
    const peer = new Peer('app/x', 'app', peerAddress('fastcgi://127.0.0.1:1'));
    assert.deepEqual(send(peer, { target: '/x' }).attempt.calls, ['failure no_script']);
    for (const target of [
      '/../x.php',
      '/%2e%2e/x.php',
      '/%00.php',
      '/a%5c..%5cx.php',
      '/%zz.php',
    ]) {
      assert.deepEqual(send(peer, { target }).attempt.calls, ['failure bad_target'], target);
    }
  });
});
