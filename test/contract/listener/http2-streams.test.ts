// What streams of one HTTP/2 connection mean to each other and to the handler, on the engine node.

import assert from 'node:assert/strict';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { describe, it, type TestContext } from 'node:test';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { Sink, Source } from '../../../src/core/sink.ts';
import { until } from '../../support/deadline.ts';
import { openRaw, WINDOW_UPDATE } from '../../support/raw-http2.ts';
import {
  answer,
  NOTHING_BEHIND,
  openScripted,
  useEngine,
} from '../../unit/worker/listener/support/scripted-handler.ts';

useEngine('node');

function open(context: TestContext, port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  context.after(() => session.destroy());
  return session;
}

/** Resolves with the status and the body's length when the stream is closed. */
function get(session: ClientHttp2Session, path: string, method = 'GET'): Promise<[number, number]> {
  return new Promise((resolve) => {
    let status = 0;
    let bytes = 0;
    const stream = session.request({ ':path': path, ':method': method });
    stream.on('response', (head) => {
      status = head[':status'] ?? 0;
    });
    stream.on('data', (part: Buffer) => {
      bytes += part.length;
    });
    stream.on('error', () => {});
    stream.on('close', () => resolve([status, bytes]));
  });
}

describe('streams of one connection', () => {
  it('are over without a failure when the client has all of the answer', async (t) => {
    const { port, handler } = await openScripted(
      t,
      (exchange) => {
        setImmediate(() => {
          if (exchange.target === '/empty') answer(exchange, { status: 204 });
          else if (exchange.target === '/unknown')
            answer(exchange, { body: 'abc', byteLength: -1 });
          else answer(exchange, { body: 'x'.repeat(1000) });
        });
      },
      { http2: true },
    );
    const session = open(t, port);
    const asked = Array.from({ length: 20 }, () => [
      get(session, '/'),
      get(session, '/unknown'),
      get(session, '/empty'),
      get(session, '/', 'HEAD'),
    ]);
    const answers = await Promise.all(asked.flat());
    assert.deepEqual(answers.slice(0, 4), [
      [200, 1000],
      [200, 3],
      [204, 0],
      [200, 0],
    ]);
    await until(() => handler.finishedExchanges.length === 80, { what: 'all are over' });
    assert.equal(handler.abortedExchanges.length, 0);
  });

  it('are given up when the client cancels what is on its way', async (t) => {
    const { port, handler } = await openScripted(
      t,
      (exchange) => answer(exchange, { body: Buffer.alloc(1024 * 1024) }),
      { http2: true },
    );
    const stream = open(t, port).request({ ':path': '/' });
    stream.on('error', () => {});
    stream.once('data', () => {
      stream.pause();
      stream.close(constants.NGHTTP2_CANCEL);
    });
    await until(() => handler.finishedExchanges.length === 1, { what: 'it is over' });
    assert.equal(handler.abortedExchanges.length, 1);
  });

  it('do not wait for each other: an upload that nobody takes holds up no other', async (t) => {
    const stuck: Source[] = [];
    const { port } = await openScripted(
      t,
      (exchange) => {
        if (exchange.target === '/stuck') exchange.requestBody!.pipe(fullSink(stuck));
        else countBody(exchange);
      },
      { http2: true },
    );
    const session = open(t, port);
    const first = session.request({ ':path': '/stuck', ':method': 'POST' });
    first.on('error', () => {});
    // More than a stream's window: what the client may send of it, it sends.
    first.write(Buffer.alloc(512 * 1024));
    await until(() => stuck.length === 1 && first.writableLength > 0, { what: 'it is stuck' });
    const second = session.request({ ':path': '/other', ':method': 'POST' });
    const answered = new Promise<string>((resolve) => {
      second.on('data', (part: Buffer) => resolve(String(part)));
    });
    second.end(Buffer.alloc(512 * 1024));
    assert.equal(await answered, String(512 * 1024));
  });

  it('may send sixteen times as much together as each of them', async (t) => {
    const { port } = await openScripted(t, (exchange) => answer(exchange), { http2: true });
    const client = await openRaw(port, t);
    const more = () => client.frames.find(({ type }) => type === WINDOW_UPDATE);
    await until(() => more() !== undefined, { what: 'the window of the connection' });
    assert.equal(more()!.stream, 0);
    // 65,535 is where every connection begins (RFC 9113 section 6.9.2).
    assert.equal(more()!.payload.readUInt32BE(0), 16 * 64 * 1024 - 65_535);
  });

  it('have each field once that may be there only once', async (t) => {
    const headers = ['etag', '"a"', 'etag', '"b"', 'set-cookie', 'a', 'set-cookie', 'b'];
    const { port } = await openScripted(t, (e) => answer(e, { headers, body: 'x' }), {
      http2: true,
    });
    const stream = open(t, port).request({ ':path': '/' });
    const head = await new Promise<Record<string, unknown>>((resolve) =>
      stream.once('response', resolve),
    );
    stream.resume();
    assert.deepEqual([head['etag'], head['set-cookie']], ['"a"', ['a', 'b']]);
  });
});

/** Takes one chunk and is full from then on. */
function fullSink(sources: Source[]): Sink {
  return { start: (source) => sources.push(source), write: () => false, end() {}, fail() {} };
}

/** Answers with the length of the body. */
function countBody(exchange: Exchange): void {
  let bytes = 0;
  exchange.requestBody!.pipe({
    start() {},
    write(chunk) {
      bytes += chunk.byteLength;
      return true;
    },
    end() {
      exchange.status = 200;
      exchange.responseByteLength = -1;
      exchange.client.start(NOTHING_BEHIND);
      exchange.client.write(Buffer.from(`${bytes}`));
      exchange.client.end();
    },
    fail() {},
  });
}
