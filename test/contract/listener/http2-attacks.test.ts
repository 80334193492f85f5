// Attacks on HTTP/2, frame by frame, against the engine node: what a client may cost stays bounded, others
// are served all the while.

import assert from 'node:assert/strict';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { Source } from '../../../src/core/sink.ts';
import { until } from '../../support/deadline.ts';
import {
  answer,
  openScripted,
  useEngine,
} from '../../unit/worker/listener/support/scripted-handler.ts';

useEngine('node');

const MIB = 1024 * 1024;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION] = [
  0, 1, 3, 4, 6, 8, 9,
];
const END_STREAM = 1;
const END_HEADERS = 4;

function frame(type: number, flags: number, stream: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload as string, 'latin1');
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

/** GET / of http://a, by the static table: no Huffman, nothing to remember. */
const REQUEST = Buffer.from([0x82, 0x86, 0x84, 0x41, 0x01, 0x61]);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

interface Attacker {
  readonly socket: Socket;
  isClosed: boolean;
  received: number;
  /** Sends as fast as the other side reads; false when it has hung up. */
  send(bytes: Buffer): Promise<boolean>;
}

async function attack(context: TestContext, port: number): Promise<Attacker> {
  const socket = connect(port, '127.0.0.1');
  const attacker: Attacker = {
    socket,
    isClosed: false,
    received: 0,
    send: (bytes) =>
      new Promise((resolve) => {
        if (attacker.isClosed) resolve(false);
        else socket.write(bytes, (error) => resolve(error === null || error === undefined));
      }),
  };
  socket.on('error', () => {});
  socket.on('close', () => {
    attacker.isClosed = true;
  });
  socket.on('data', (chunk) => {
    attacker.received += chunk.length;
  });
  context.after(() => socket.destroy());
  await attacker.send(Buffer.concat([Buffer.from(PREFACE), frame(SETTINGS, 0, 0)]));
  return attacker;
}

/** Sends `bytes(round)` until the other side hangs up, at most `rounds` times; returns the rounds sent. */
async function flood(
  attacker: Attacker,
  rounds: number,
  bytes: (round: number) => Buffer,
): Promise<number> {
  for (let round = 0; round < rounds; round++) {
    if (!(await attacker.send(bytes(round)))) return round;
  }
  return rounds;
}

/** What an honest client gets meanwhile. */
async function assertServed(port: number): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  try {
    const status = await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({ ':path': '/honest' });
      stream.on('response', (head) => resolve(head[':status']));
      stream.on('error', reject);
      stream.resume();
    });
    assert.equal(status, 200);
  } finally {
    session.destroy();
  }
}

async function setUp(context: TestContext, script = answerAtOnce) {
  const setup = await openScripted(context, script, {
    http2: true,
    settings: { exchangesMax: 10_000 },
  });
  return { ...setup, attacker: await attack(context, setup.port) };
}

function answerAtOnce(exchange: Exchange): void {
  answer(exchange, { body: 'served' });
}

/** Bytes that the process holds more than before. */
function growth(): () => number {
  const before = process.memoryUsage().rss;
  return () => process.memoryUsage().rss - before;
}

describe('attacks on HTTP/2', () => {
  it('rapid reset: streams are opened and cancelled at once', async (t) => {
    const { attacker, port, handler, listener } = await setUp(t, (exchange) => {
      if (exchange.target === '/honest') answerAtOnce(exchange);
    });
    await flood(attacker, 400, (round) => {
      const frames: Buffer[] = [];
      for (let at = 0; at < 50; at++) {
        const stream = (round * 50 + at) * 2 + 1;
        frames.push(frame(HEADERS, END_HEADERS | END_STREAM, stream, REQUEST));
        frames.push(frame(RST_STREAM, 0, stream, uint32(8)));
      }
      return Buffer.concat(frames);
    });
    await until(() => attacker.isClosed, { what: 'the connection ends' });
    assert.ok(handler.served.length < 1000, `${handler.served.length} of 20,000 were served`);
    await until(() => listener.exchangesRunning === 0, { what: 'all are over' });
    await assertServed(port);
  });

  it('CONTINUATION flood: a head that never ends', async (t) => {
    const { attacker, port, handler } = await setUp(t);
    const grown = growth();
    await attacker.send(frame(HEADERS, END_STREAM, 1, REQUEST));
    const literal = Buffer.concat([Buffer.from([0x00, 0x01, 0x78, 0x7e]), Buffer.alloc(126, 'x')]);
    const more = frame(CONTINUATION, 0, 1, Buffer.concat(Array(100).fill(literal)));
    await flood(attacker, 2000, () => more);
    await until(() => attacker.isClosed, { what: 'the connection ends' });
    assert.equal(handler.served.length, 0);
    assert.ok(grown() < 64 * MIB);
    await assertServed(port);
  });

  it('HPACK bomb: a field of 4 KiB is named thousands of times', async (t) => {
    const { attacker, port, handler } = await setUp(t);
    const grown = growth();
    const value = Buffer.alloc(3900, 'b');
    // A literal with incremental indexing, length 3900 as a prefixed integer; then its index, 62.
    const length = [0x7f, ((3900 - 127) % 128) | 0x80, Math.floor((3900 - 127) / 128)];
    const planted = Buffer.concat([Buffer.from([0x40, 0x01, 0x78, ...length]), value]);
    for (let stream = 1; stream < 200; stream += 2) {
      const named = stream === 1 ? planted : Buffer.alloc(0);
      const block = Buffer.concat([REQUEST, named, Buffer.alloc(12_000, 0xbe)]);
      if (!(await attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, block)))) break;
    }
    await assertServed(port);
    assert.equal(handler.served.filter(({ target }) => target === '/').length, 0);
    assert.ok(grown() < 64 * MIB, `${grown() / MIB} MiB`);
  });

  it('PING flood and SETTINGS flood', async (t) => {
    const { attacker, port } = await setUp(t);
    const pings = Buffer.concat(Array(100).fill(frame(PING, 0, 0, Buffer.alloc(8))));
    await flood(attacker, 1000, () => pings);
    await until(() => attacker.isClosed, { what: 'the connection ends' });
    const other = await attack(t, port);
    const settings = Buffer.concat(Array(100).fill(frame(SETTINGS, 0, 0)));
    await flood(other, 1000, () => settings);
    await until(() => other.isClosed, { what: 'the other connection ends' });
    await assertServed(port);
  });

  it('empty DATA frames without end', async (t) => {
    const { attacker, port } = await setUp(t, (exchange) => {
      if (exchange.target === '/honest') answerAtOnce(exchange);
    });
    const grown = growth();
    await attacker.send(
      frame(HEADERS, END_HEADERS, 1, Buffer.concat([Buffer.from([0x83]), REQUEST.subarray(1)])),
    );
    const empty = Buffer.concat(Array(1000).fill(frame(DATA, 0, 1)));
    await flood(attacker, 200, () => empty);
    await assertServed(port);
    assert.ok(grown() < 64 * MIB);
  });

  it('zero window: large answers are asked for and never taken', async (t) => {
    const sources: Endless[] = [];
    const { attacker, port } = await setUp(t, (exchange) => {
      if (exchange.target === '/honest') return answerAtOnce(exchange);
      exchange.status = 200;
      exchange.responseByteLength = -1;
      const source = new Endless(exchange);
      sources.push(source);
      exchange.client.start(source);
      source.resume();
    });
    const grown = growth();
    // INITIAL_WINDOW_SIZE 0; then 100 streams, each with a window of one byte.
    await attacker.send(frame(SETTINGS, 0, 0, Buffer.concat([Buffer.from([0, 4]), uint32(0)])));
    for (let stream = 1; stream < 200; stream += 2) {
      await attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, REQUEST));
      await attacker.send(frame(WINDOW_UPDATE, 0, stream, uint32(1)));
    }
    await until(() => sources.length === 100, { what: 'all are asked for' });
    await assertServed(port);
    const written = sources.reduce((sum, { bytes }) => sum + bytes, 0);
    assert.ok(written <= 100 * 256 * 1024, `${written} bytes are held`);
    assert.ok(grown() < 100 * MIB, `${grown() / MIB} MiB`);
    attacker.socket.destroy();
    await until(() => sources.every(({ isCancelled }) => isCancelled), {
      what: 'all are given up',
    });
  });

  it('more streams than agreed on are refused', async (t) => {
    const { attacker, handler, listener } = await setUp(t, () => {});
    for (let stream = 1; stream < 1000; stream += 2) {
      await attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, REQUEST));
    }
    await until(() => handler.served.length >= 128 || attacker.isClosed, { what: 'they arrive' });
    assert.ok(handler.served.length <= 128, `${handler.served.length}`);
    assert.ok(listener.exchangesRunning <= 128);
  });
});

/** Writes until it is told that the sink is full. */
class Endless implements Source {
  readonly #exchange: Exchange;
  bytes = 0;
  isCancelled = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    exchange.running = this;
  }
  resume(): void {
    const chunk = Buffer.alloc(16 * 1024);
    do this.bytes += chunk.length;
    while (this.#exchange.client.write(chunk) && this.bytes < 100 * MIB);
  }
  pause(): void {}
  cancel(): void {
    this.isCancelled = true;
  }
}
