// Request bodies through the listener: small, large, slow, too large, cut off, sent again.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProxyError } from '../../../src/core/errors.ts';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { Sink, Source } from '../../../src/core/sink.ts';
import { connectClient } from '../../support/client.ts';
import { until } from '../../support/deadline.ts';
import {
  answer,
  collect,
  engineUnderTest,
  openScripted,
} from '../../unit/worker/listener/support/scripted-handler.ts';

/** Takes what comes; `isFull` makes it refuse more. */
class Bucket implements Sink {
  source: Source | null = null;
  bytes = 0;
  isFull = false;
  error: ProxyError | null = null;
  hasEnded = false;
  readonly hash = createHash('sha256');

  start(source: Source): void {
    this.source = source;
  }
  write(chunk: Uint8Array): boolean {
    this.bytes += chunk.byteLength;
    this.hash.update(chunk);
    return !this.isFull;
  }
  end(): void {
    this.hasEnded = true;
  }
  fail(error: ProxyError): void {
    this.error = error;
  }
}

function answerBody(exchange: Exchange): void {
  collect(exchange, (body, error) => {
    if (error === null) answer(exchange, { body });
    else answer(exchange, { status: error.failure.status });
  });
}

describe('a request body', () => {
  it('is complete when it is small and comes with its head', async (t) => {
    const { port, handler } = await openScripted(t, (exchange) => {
      answer(exchange, { body: exchange.requestBody?.complete ?? 'not complete' });
    });
    const client = await connectClient(port, { context: t });
    const response = await client.request({ method: 'POST', body: 'hello' });
    assert.equal(response.text(), 'hello');
    assert.equal(handler.served[0]?.requestBody?.byteLength, 5);
    assert.equal(handler.finishedExchanges[0]?.bytesReceived, 5);
  });

  it('does not exist when its length is zero', async (t) => {
    const { port } = await openScripted(t, (exchange) => {
      answer(exchange, { body: exchange.requestBody === null ? 'none' : 'some' });
    });
    const client = await connectClient(port, { context: t });
    assert.equal((await client.request({ method: 'POST', body: '' })).text(), 'none');
    assert.equal((await client.request({ method: 'POST' })).text(), 'none');
  });

  it('arrives from the first byte, however it is cut', async (t) => {
    const { port } = await openScripted(t, answerBody);
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01');
    await client.sendSlowly('23456789');
    assert.equal((await client.response()).text(), '0123456789');
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n');
    await client.sendSlowly('3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n');
    assert.equal((await client.response()).text(), 'abcdefg');
  });

  it('is told 100 Continue, and the peer is not asked again', async (t) => {
    const { port, handler } = await openScripted(t, answerBody);
    const client = await connectClient(port, { context: t });
    const fields = 'Host: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n';
    await client.send(`POST / HTTP/1.1\r\n${fields}`);
    await client.readUntil((bytes) => bytes.includes('100 Continue'), '100');
    await client.send('ok');
    assert.equal((await client.response()).text(), 'ok');
    assert.ok(!handler.served[0]?.requestHeaders.includes('expect'));
  });

  it('can be sent again as long as it is held', async (t) => {
    const { port } = await openScripted(t, (exchange) => {
      const body = exchange.requestBody!;
      const first = new Bucket();
      body.pipe(first);
      setImmediate(() => {
        assert.equal(body.replayable, true);
        body.cancel(null as unknown as ProxyError);
        answerBody(exchange);
      });
    });
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234');
    await delay(20);
    await client.send('56789');
    assert.equal((await client.response()).text(), '0123456789');
  });

  it('can not be sent again when it is larger than what may be held', async (t) => {
    const bucket = new Bucket();
    const { port, handler } = await openScripted(t, (exchange) => {
      if (exchange.target === '/') exchange.requestBody!.pipe(bucket);
      else answerBody(exchange);
    });
    const client = await connectClient(port, { context: t });
    const body = Buffer.alloc(300_000, 'x');
    await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    await client.send(body);
    await until(() => bucket.hasEnded, { what: 'the body is through' });
    assert.equal(bucket.bytes, body.length);
    assert.equal(handler.served[0]?.requestBody?.replayable, false);
    answer(handler.served[0]!, { body: 'ok' });
    assert.equal((await client.response()).text(), 'ok');
    assert.equal(
      (await client.request({ method: 'POST', target: '/2', body: 'again' })).status,
      200,
    );
  });

  it('fails its sink when it is too large, and the client is told', async (t) => {
    const { port } = await openScripted(t, (exchange) => {
      exchange.requestBody!.bytesMax = 100;
      answerBody(exchange);
    });
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.send(`50\r\n${'x'.repeat(80)}\r\n`);
    await client.send(`50\r\n${'x'.repeat(80)}\r\n`);
    const response = await client.response();
    assert.equal(response.status, 413);
    assert.equal(response.header('connection'), 'close');
    await client.untilClosed();
  });

  it('times out when nothing comes', async (t) => {
    const options = { settings: { requestBodyIdleMs: 300 }, tickMs: 100 };
    const { port } = await openScripted(t, answerBody, options);
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234');
    assert.equal((await client.response()).status, 408);
    await client.untilClosed();
  });

  it('times out when it comes too slowly, though never idle', async (t) => {
    const settings = { uploadBytesPerSecond: 1000, uploadPaceMs: 500 };
    const { port } = await openScripted(t, answerBody, { settings, tickMs: 100 });
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n');
    const drip = setInterval(() => void client.send('x'), 20);
    t.after(() => clearInterval(drip));
    assert.equal((await client.response()).status, 408);
    await client.untilClosed();
  });

  it('fails its sink when the client leaves in the middle', async (t) => {
    const bucket = new Bucket();
    const { port, handler } = await openScripted(t, (exchange) =>
      exchange.requestBody!.pipe(bucket),
    );
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234');
    await until(() => bucket.bytes === 5, { what: 'half of it' });
    client.reset();
    await until(() => bucket.error !== null, { what: 'the end of it' });
    assert.equal(bucket.error?.code, 'client_closed');
    assert.equal(handler.abortedExchanges.length, 1);
    assert.equal(handler.finishedExchanges.length, 1);
  });
});

/** Sends the body back as it comes. */
function passBack(exchange: Exchange): void {
  const body = exchange.requestBody!;
  exchange.status = 200;
  exchange.responseByteLength = -1;
  exchange.client.start(body);
  body.pipe({
    start() {},
    write: (chunk) => exchange.client.write(chunk),
    end: () => exchange.client.end(),
    fail: (error) => exchange.client.fail(error),
  });
}

// The engine uws can't stop reading from a client that does not read.
describe('a client that sends on and reads nothing yet', {
  skip: engineUnderTest() === 'node',
}, () => {
  const MIB = 2 ** 20;

  it('gets all of it back in the end, unless it is more than all may have together', async (t) => {
    const { port, handler } = await openScripted(t, passBack);
    const start = async (body: Buffer) => {
      const client = await connectClient(port, { context: t });
      client.pause();
      await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
      return { client, sent: client.send(body) };
    };
    // What was held for the one that is cut is given back: the second time is like the first.
    for (const round of [1, 2]) {
      const body = Buffer.alloc(16 * MIB, `round ${round}`);
      const { client } = await start(body);
      await until(() => handler.served.at(-1)?.bytesReceived === body.length, { what: 'all' });
      client.resume();
      assert.ok((await client.response()).body.equals(body));
      const { client: greedy } = await start(Buffer.alloc(160 * MIB));
      greedy.socket.on('error', () => {});
      const overloaded = () => handler.served.at(-1)?.failure?.code === 'overloaded';
      await until(overloaded, { what: 'it is cut' });
      greedy.resume();
      await greedy.untilClosed();
    }
  });
});

describe('a large upload', () => {
  it('stops while the sink is full, and arrives whole', async (t) => {
    const bucket = new Bucket();
    bucket.isFull = true;
    const { port, handler } = await openScripted(t, (exchange) => {
      if (exchange.target === '/') exchange.requestBody!.pipe(bucket);
      else answerBody(exchange);
    });
    const client = await connectClient(port, { context: t });
    const body = Buffer.alloc(24 * 1024 * 1024);
    for (let at = 0; at < body.length; at += 4) body.writeUInt32LE(at, at);
    await client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    const sent = client.send(body);
    await until(() => bucket.source !== null, { what: 'it is asked for' });
    let pauses = 0;
    while (!bucket.hasEnded) {
      const before = bucket.bytes;
      await delay(pauses < 3 ? 60 : 1);
      // What the engine reads in one go comes on top of what is asked for.
      assert.ok(
        bucket.bytes - before <= 1024 * 1024,
        `${bucket.bytes - before} in spite of a pause`,
      );
      pauses += 1;
      if (pauses > 3) bucket.isFull = false;
      bucket.source!.resume();
      if (!bucket.isFull) break;
    }
    await sent;
    await until(() => bucket.hasEnded, { what: 'the end of the upload' });
    assert.equal(bucket.bytes, body.length);
    assert.equal(bucket.hash.digest('hex'), createHash('sha256').update(body).digest('hex'));
    answer(handler.served[0]!, { body: 'ok' });
    assert.equal((await client.response()).text(), 'ok');
    assert.equal((await client.request({ method: 'POST', target: '/2', body: 'x' })).status, 200);
  });

  it('is thrown away once it is answered', async (t) => {
    const { port, handler } = await openScripted(t, (exchange) => {
      if (exchange.method === 'GET') answer(exchange);
      else exchange.requestBody!.pipe(bucket);
    });
    const bucket = new Bucket();
    bucket.isFull = true;
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n');
    void client.send(Buffer.alloc(4_000_000));
    await until(() => bucket.bytes > 0, { what: 'it begins' });
    answer(handler.served[0]!, { body: 'x'.repeat(20_000) });
    assert.equal((await client.response()).body.length, 20_000);
    assert.equal((await client.request()).status, 200);
  });

  it('is noticed to be abandoned although it is paused', async (t) => {
    const bucket = new Bucket();
    bucket.isFull = true;
    const options = { tickMs: 100 };
    const { port, handler } = await openScripted(t, (e) => e.requestBody!.pipe(bucket), options);
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n');
    await client.send('x');
    await until(() => bucket.bytes > 0, { what: 'it begins' });
    await delay(50);
    client.reset();
    await until(() => handler.abortedExchanges.length === 1, { what: 'it is noticed' });
    assert.equal(bucket.error?.code, 'client_closed');
  });
});

// These take as long as the engine's timers, all of them together.
// The engine node has no such timers.
const skip = engineUnderTest() === 'node';
describe('the patience of the listener', { concurrency: true, skip }, () => {
  it('lasts for an upload of 1 KB/s', async (t) => {
    const { port } = await openScripted(t, answerBody);
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 16000\r\n\r\n');
    for (let second = 0; second < 16; second++) {
      await delay(1000);
      await client.send('x'.repeat(1000));
    }
    assert.equal((await client.response()).body.length, 16_000);
  });

  it('lasts for a sink that is full for 8 s, and for the answer 12 s after the end', async (t) => {
    const bucket = new Bucket();
    bucket.isFull = true;
    const { port, handler } = await openScripted(t, (exchange) =>
      exchange.requestBody!.pipe(bucket),
    );
    const client = await connectClient(port, { context: t });
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n');
    const sent = client.send(Buffer.alloc(1_000_000));
    await until(() => bucket.source !== null, { what: 'it is asked for' });
    await delay(8_000);
    bucket.isFull = false;
    bucket.source!.resume();
    await sent;
    await until(() => bucket.hasEnded, { what: 'the end of the upload' });
    await delay(12_000);
    answer(handler.served[0]!, { body: 'ok' });
    assert.equal((await client.response()).text(), 'ok');
  });

  it('lasts for an answer that takes 16 s, and for a pause of 16 s in its middle', async (t) => {
    const { port } = await openScripted(t, (exchange) => {
      exchange.responseByteLength = exchange.target === '/sized' ? 6 : -1;
      exchange.status = 200;
      const go = exchange.method === 'GET' ? 0 : 16_000;
      setTimeout(() => {
        exchange.client.start({ pause() {}, resume() {}, cancel() {} });
        exchange.client.write(Buffer.from('abc'));
        setTimeout(() => {
          exchange.client.write(Buffer.from('def'));
          exchange.client.end();
        }, 16_000 - go);
      }, go);
    });
    const wait = { deadlineMs: 60_000 };
    const asked = ['/sized', '/chunked'].flatMap((target) =>
      ['GET', 'POST'].map(async (method) => {
        const client = await connectClient(port, { context: t });
        return client.request({
          method,
          target,
          ...(method === 'POST' ? { body: 'x' } : {}),
          ...wait,
        });
      }),
    );
    for (const response of await Promise.all(asked)) assert.equal(response.text(), 'abcdef');
  });

  it('lasts for a reader that takes little at a time', async (t) => {
    const total = 24 * 1024 * 1024;
    const { port } = await openScripted(t, (exchange) =>
      answer(exchange, { body: Buffer.alloc(total) }),
    );
    const client = await connectClient(port, { context: t });
    client.pause();
    await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await delay(16_000);
    client.resume();
    assert.equal((await client.response({ deadlineMs: 60_000 })).body.length, total);
  });
});
