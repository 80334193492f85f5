// HTTP/2 through whole processes, from clients and to peers: GOAWAY under load, streams of any size, reload
// and drain.

import assert from 'node:assert/strict';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Cleanup, until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { assertFlat, watchMemory } from '../support/worker-memory.ts';

const suite = suiteCleanup();
const MIB = 2 ** 20;
/** After so many streams the peer sends its connection's client away. */
const STREAMS_PER_SESSION = 40;

/** What the peer has seen. */
const peer = { port: 0, goaways: 0, requests: 0 };
/** Ends the requests for /late. */
let release = (): void => {};
const released = new Promise<void>((resolve) => {
  release = resolve;
});
let sluice: Sluice;
let port = 0;

before(async () => {
  await startPeer();
  port = await freePort();
  sluice = await startSluice(configuration(), { context: suite });
});

function configuration(more: object = {}): Record<string, unknown> {
  return {
    cores: 2,
    listeners: [{ host: '127.0.0.1', port, engine: 'node', http2: true }],
    upstreams: {
      app: { transport: 'undici', h2c: true, peers: [`http://127.0.0.1:${peer.port}`] },
    },
    routes: [{ to: 'app' }],
    ...more,
  };
}

/** Sends each client away after a while, as nginx does: what runs is finished, what comes later is refused. */
async function startPeer(): Promise<void> {
  const sessions = new Map<ServerHttp2Session, number>();
  const server = createServer();
  server.on('session', (session) => {
    sessions.set(session, 0);
    session.on('error', () => {});
    session.on('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    const session = stream.session as ServerHttp2Session;
    const count = (sessions.get(session) ?? 0) + 1;
    sessions.set(session, count);
    peer.requests += 1;
    void answer(stream, String(headers[':path']));
    if (count !== STREAMS_PER_SESSION) return;
    peer.goaways += 1;
    session.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  peer.port = (server.address() as AddressInfo).port;
  suite.after(() => {
    for (const session of sessions.keys()) session.destroy();
    server.close();
  });
}

async function answer(stream: ServerHttp2Stream, target: string): Promise<void> {
  const [path, argument] = target.split('?');
  if (path === '/late') await released;
  if (path === '/slow') await delay(5);
  if (path === '/count') {
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      // A slow reader: a moment for every MiB.
      if (bytes % MIB < (chunk as Buffer).length) await delay(2);
    }
    stream.respond({ ':status': 200 });
    stream.end(String(bytes));
    return;
  }
  // Node resets a request that nobody reads once the answer is written, even before its last frame is sent.
  stream.resume();
  stream.respond({ ':status': 200 });
  if (path !== '/bytes') {
    stream.end('ok');
    return;
  }
  const chunk = Buffer.alloc(256 * 1024, 97);
  for (let left = Number(argument); left > 0 && !stream.destroyed; left -= chunk.length) {
    if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
  }
  stream.end();
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly resetCode: number;
}

function open(context: Cleanup): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  context.after(() => session.destroy());
  return session;
}

/** Resolves when the stream is closed, whatever closed it. */
function finish(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve) => {
    let status = 0;
    let text = '';
    stream.on('response', (head) => {
      status = head[':status'] ?? 0;
    });
    stream.on('data', (part: Buffer) => {
      text += part;
    });
    stream.on('error', () => {});
    stream.on('close', () => resolve({ status, text, resetCode: stream.rstCode }));
  });
}

/** Requests on a new session, one after the other, until it says GOAWAY or `isEnough`; tells what failed. */
async function askInTurn(
  context: Cleanup,
  isEnough: () => boolean,
  path: string,
): Promise<string[]> {
  const failures: string[] = [];
  let isTestOver = false;
  context.after(() => {
    isTestOver = true;
  });
  const isOver = () => isTestOver || isEnough();
  while (!isOver()) {
    const session = open(context);
    let isLeaving = false;
    session.on('goaway', () => {
      isLeaving = true;
    });
    while (!isOver() && !isLeaving && !session.closed) {
      const stream = session.request({ ':path': path });
      const { status, text, resetCode } = await finish(stream);
      // What a server refuses that is leaving is for the client to send again (RFC 9113 section 8.7).
      const isRefused = resetCode === constants.NGHTTP2_REFUSED_STREAM;
      if ((status === 200 && text === 'ok') || isRefused) continue;
      failures.push(`${status} ${text.slice(0, 100)} reset ${resetCode}`);
    }
    session.close();
  }
  return failures;
}

describe('HTTP/2 to a peer', () => {
  it('loses no request when the peer says GOAWAY again and again', async (t) => {
    const from = peer.requests;
    const before = peer.goaways;
    const isEnough = () => peer.requests - from > 1500;
    const loops = Array.from({ length: 24 }, () => askInTurn(t, isEnough, '/slow'));
    await until(isEnough, { what: 'all requests reach the peer', deadlineMs: 120_000 });
    assert.deepEqual((await Promise.all(loops)).flat(), []);
    assert.ok(peer.goaways - before >= 10, `${peer.goaways - before} times`);
  });
});

describe('HTTP/2 streams', () => {
  const size = 128 * MIB;

  it('carry a download past a slow reader in constant memory', async (t) => {
    const memory = watchMemory(t, sluice);
    const stream = open(t).request({ ':path': `/bytes?${size}` });
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      if (bytes % (8 * MIB) < (chunk as Buffer).length) await delay(10);
    }
    assert.equal(bytes, size);
    assertFlat(memory(), '128 MiB to a slow reader');
  });

  it('carry an upload to a slow peer in constant memory', async (t) => {
    const memory = watchMemory(t, sluice);
    const stream = open(t).request({ ':path': '/count', ':method': 'POST' });
    const answered = finish(stream);
    const chunk = Buffer.alloc(256 * 1024);
    for (let sent = 0; sent < size; sent += chunk.length) {
      if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
    }
    stream.end();
    assert.deepEqual(await answered, { status: 200, text: String(size), resetCode: 0 });
    assertFlat(memory(), '128 MiB to a slow peer');
  });
});

describe('HTTP/2 clients', () => {
  it('lose no request over reloads', async (t) => {
    let isOver = false;
    const loops = Array.from({ length: 8 }, () => askInTurn(t, () => isOver, '/'));
    for (const forwarded of ['off', 'both', 'off']) {
      const event = await sluice.reload(configuration({ headers: { forwarded } }));
      assert.match(String(event['msg']), /is live/);
      const from = peer.requests;
      await until(() => peer.requests > from + 50, { what: 'it goes on' });
    }
    isOver = true;
    assert.deepEqual((await Promise.all(loops)).flat(), []);
  });

  it('are told to go by a drain, which finishes what runs', async (t) => {
    const session = open(t);
    const codes: number[] = [];
    session.on('goaway', (code) => codes.push(code));
    const from = peer.requests;
    const running = finish(session.request({ ':path': '/late' }));
    await until(() => peer.requests > from, { what: 'it runs' });
    sluice.signal('SIGTERM');
    await until(() => codes.length > 0, { what: 'the client is told' });
    assert.equal(sluice.exit, null);
    release();
    assert.deepEqual(await running, { status: 200, text: 'ok', resetCode: 0 });
    // Told again when the connection ends, which may be seen here or not.
    assert.deepEqual(new Set(codes), new Set([constants.NGHTTP2_NO_ERROR]));
    assert.deepEqual(await sluice.untilExit(), { code: 0, signal: null });
  });
});
