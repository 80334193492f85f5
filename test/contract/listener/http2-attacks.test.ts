// Attacks on HTTP/2 by mass, frame by frame, against the engine node: what a client may cost stays bounded,
// and others are served all the while.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { describe, it, type TestContext } from 'node:test';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { Source } from '../../../src/core/sink.ts';
import { readCertificate } from '../../../src/worker/listener/certificate.ts';
import { createAuthority } from '../../support/certificates.ts';
import { until } from '../../support/deadline.ts';
import * as raw from '../../support/raw-http2.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import {
  answer,
  openScripted,
  useEngine,
} from '../../unit/worker/listener/support/scripted-handler.ts';

useEngine('node');

const MIB = 1024 * 1024;
/** Codes of GOAWAY. What nghttp2 itself has enough of, it calls an internal error. */
const PROTOCOL_ERROR = 1;
const INTERNAL_ERROR = 2;
const STREAM_CLOSED = 5;
const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;

function answerAtOnce(exchange: Exchange): void {
  answer(exchange, { body: 'served' });
}

/** Leaves everybody but the honest client without an answer. */
function answerHonest(exchange: Exchange): void {
  if (exchange.target === '/honest') answerAtOnce(exchange);
}

async function setUp(context: TestContext, script = answerAtOnce, settings?: Buffer) {
  const setup = await openScripted(context, script, {
    http2: true,
    settings: { exchangesMax: 10_000 },
  });
  return { ...setup, attacker: await raw.openRaw(setup.port, context, settings) };
}

/** Asks again and again while `attack` runs; every answer must be good, and there must be some. */
async function whileServing(port: number, attack: () => Promise<unknown>): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const ask = () =>
    new Promise<number>((resolve, reject) => {
      const stream = session.request({ ':path': '/honest' });
      stream.on('response', (head) => resolve(head[':status'] ?? 0));
      stream.on('error', reject);
      stream.resume();
    });
  try {
    assert.equal(await ask(), 200);
    let isOver = false;
    const honest = (async () => {
      while (!isOver) assert.equal(await ask(), 200);
    })();
    await attack();
    isOver = true;
    await honest;
    assert.equal(await ask(), 200);
  } finally {
    session.destroy();
  }
}

/** Bytes that the process holds more than before. */
function growth(): () => number {
  const before = process.memoryUsage().rss;
  return () => process.memoryUsage().rss - before;
}

interface Flood {
  readonly name: string;
  /** What is sent before. */
  readonly first?: Buffer;
  readonly rounds: number;
  readonly round: (number: number) => Buffer;
  readonly code: number;
}

const manyTimes = (count: number, bytes: Buffer): Buffer =>
  Buffer.concat(Array<Buffer>(count).fill(bytes));

/** Each of fifty new streams a round. */
const streams = (frames: (stream: number) => Buffer[]) => (round: number) =>
  Buffer.concat(Array.from({ length: 50 }, (_, at) => frames((round * 50 + at) * 2 + 1)).flat());

const fields = manyTimes(100, raw.literal('x', 'x'.repeat(126)));

const floods: readonly Flood[] = [
  {
    name: 'rapid reset: streams are opened and cancelled at once',
    rounds: 100,
    round: streams((stream) => [
      raw.request(stream),
      raw.frame(raw.RST_STREAM, 0, stream, raw.uint32(CANCEL)),
    ]),
    code: ENHANCE_YOUR_CALM,
  },
  {
    name: 'resets that we are made to send: a window grows by nothing',
    rounds: 400,
    round: streams((stream) => [
      raw.frame(raw.HEADERS, raw.END_HEADERS, stream, raw.POST),
      raw.frame(raw.WINDOW_UPDATE, 0, stream, raw.uint32(0)),
    ]),
    code: PROTOCOL_ERROR,
  },
  {
    name: 'resets that we are made to send: DATA after the end',
    rounds: 400,
    round: streams((stream) => [raw.request(stream), raw.frame(raw.DATA, 0, stream, 'x')]),
    code: STREAM_CLOSED,
  },
  {
    name: 'CONTINUATION flood: a head that never ends',
    first: raw.frame(raw.HEADERS, raw.END_STREAM, 1, raw.REQUEST),
    rounds: 2000,
    round: () => raw.frame(raw.CONTINUATION, 0, 1, fields),
    code: INTERNAL_ERROR,
  },
  {
    name: 'CONTINUATION flood without a byte in it',
    first: raw.frame(raw.HEADERS, raw.END_STREAM, 1, raw.REQUEST),
    rounds: 200,
    round: () => manyTimes(100, raw.frame(raw.CONTINUATION, 0, 1)),
    code: INTERNAL_ERROR,
  },
  {
    name: 'empty HEADERS flood',
    rounds: 400,
    round: streams((stream) => [raw.request(stream, Buffer.alloc(0))]),
    code: INTERNAL_ERROR,
  },
  {
    name: 'empty DATA flood',
    first: raw.frame(raw.HEADERS, raw.END_HEADERS, 1, raw.POST),
    rounds: 200,
    round: () => manyTimes(1000, raw.frame(raw.DATA, 0, 1)),
    code: INTERNAL_ERROR,
  },
  {
    name: 'PING flood',
    rounds: 1000,
    round: () => manyTimes(100, raw.frame(raw.PING, 0, 0, Buffer.alloc(8))),
    code: ENHANCE_YOUR_CALM,
  },
  {
    name: 'answers to PING that nobody asked for',
    rounds: 1000,
    round: () => manyTimes(100, raw.frame(raw.PING, raw.ACK, 0, Buffer.alloc(8))),
    code: INTERNAL_ERROR,
  },
  {
    name: 'SETTINGS flood',
    rounds: 1000,
    round: () => manyTimes(100, raw.frame(raw.SETTINGS, 0, 0)),
    code: ENHANCE_YOUR_CALM,
  },
  {
    name: 'SETTINGS of thousands of lines',
    rounds: 1000,
    round: () => raw.frame(raw.SETTINGS, 0, 0, manyTimes(1000, Buffer.from([0, 3, 0, 0, 0, 100]))),
    code: ENHANCE_YOUR_CALM,
  },
  {
    name: 'PRIORITY flood',
    rounds: 1000,
    round: (round) =>
      Buffer.concat(
        Array.from({ length: 1000 }, (_, at) =>
          raw.frame(raw.PRIORITY, 0, ((round * 1000 + at) % 500) * 2 + 1, Buffer.alloc(5, 1)),
        ),
      ),
    code: ENHANCE_YOUR_CALM,
  },
  {
    name: 'frames of a kind that there is not',
    rounds: 1000,
    round: () => manyTimes(1000, raw.frame(0x77, 0, 0)),
    code: ENHANCE_YOUR_CALM,
  },
];

describe('attacks on HTTP/2 that end the connection', { concurrency: false }, () => {
  for (const { name, first, rounds, round, code } of floods) {
    it(name, async (t) => {
      const { attacker, port, handler, listener } = await setUp(t, answerHonest);
      const grown = growth();
      await whileServing(port, async () => {
        if (first !== undefined) await attacker.send(first);
        await attacker.flood(rounds, round);
        await attacker.closed();
      });
      assert.equal(attacker.goawayCode, code);
      const attacks = handler.served.filter(({ target }) => target !== '/honest');
      assert.ok(attacks.length <= 256, `${attacks.length} were served`);
      await until(() => listener.exchangesRunning === 0, { what: 'all are over' });
      assert.ok(grown() < 64 * MIB, `${grown() / MIB} MiB`);
    });
  }
});

describe('attacks on HTTP/2 over TLS', () => {
  it('rapid reset, in records instead of segments', async (t) => {
    const folder = createTempDir(t);
    const files = { certFile: folder.file('a.crt'), keyFile: folder.file('a.key') };
    const { cert, key } = createAuthority(t).issue('127.0.0.1');
    writeFileSync(files.certFile, cert);
    writeFileSync(files.keyFile, key, { mode: 0o600 });
    const { port, handler, listener } = await openScripted(t, () => {}, {
      http2: true,
      certificate: readCertificate(files),
    });
    const attacker = await raw.openRawTls(port, t);
    // All at once: what is read together must not be served before it is counted.
    const [{ round }] = floods as [Flood];
    await attacker.send(...Array.from({ length: 100 }, (_, at) => round(at)));
    // Node cuts the connection before GOAWAY is encrypted: the code is not to be seen here.
    await attacker.closed();
    assert.ok(handler.served.length <= 256, `${handler.served.length} were served`);
    await until(() => listener.exchangesRunning === 0, { what: 'all are over' });
  });
});

describe('attacks on HTTP/2 that get nowhere', () => {
  it('HPACK bomb: a field of 4 KiB is named thousands of times', async (t) => {
    const { attacker, port, handler } = await setUp(t);
    const grown = growth();
    const value = Buffer.alloc(3900, 'b');
    // A literal with incremental indexing, length 3900 as a prefixed integer; then its index, 62.
    const length = [0x7f, ((3900 - 127) % 128) | 0x80, Math.floor((3900 - 127) / 128)];
    const planted = Buffer.concat([Buffer.from([0x40, 0x01, 0x78, ...length]), value]);
    await whileServing(port, async () => {
      for (let stream = 1; stream < 200; stream += 2) {
        const named = stream === 1 ? planted : Buffer.alloc(0);
        const block = Buffer.concat([raw.REQUEST, named, Buffer.alloc(12_000, 0xbe)]);
        if (!(await attacker.send(raw.request(stream, block)))) break;
      }
    });
    assert.equal(handler.served.filter(({ target }) => target === '/').length, 0);
    assert.ok(grown() < 64 * MIB, `${grown() / MIB} MiB`);
  });

  it('zero window: large answers are asked for and never taken', async (t) => {
    const sources: Endless[] = [];
    const initialWindow = Buffer.concat([Buffer.from([0, 4]), raw.uint32(0)]);
    const script = (exchange: Exchange): void => {
      answerHonest(exchange);
      if (exchange.target === '/honest') return;
      exchange.status = 200;
      exchange.responseByteLength = -1;
      const source = new Endless(exchange);
      sources.push(source);
      exchange.client.start(source);
      source.resume();
    };
    const { attacker, port } = await setUp(t, script, initialWindow);
    const grown = growth();
    await whileServing(port, async () => {
      // Each gets a window of one byte.
      for (let stream = 1; stream < 200; stream += 2) {
        const more = raw.frame(raw.WINDOW_UPDATE, 0, stream, raw.uint32(1));
        await attacker.send(raw.request(stream), more);
      }
      await until(() => sources.length === 100, { what: 'all are asked for' });
    });
    // Full at 64 KiB, and at the first chunk that goes beyond it.
    const written = sources.reduce((sum, { bytes }) => sum + bytes, 0);
    assert.ok(written <= 100 * 80 * 1024, `${written} bytes are held`);
    assert.ok(grown() < 100 * MIB, `${grown() / MIB} MiB`);
    attacker.socket.destroy();
    await until(() => sources.every(({ isCancelled }) => isCancelled), {
      what: 'all are given up',
    });
  });

  it('more streams than agreed on are refused', async (t) => {
    const { attacker, handler, listener } = await setUp(t, () => {});
    for (let stream = 1; stream < 1000; stream += 2) await attacker.send(raw.request(stream));
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
