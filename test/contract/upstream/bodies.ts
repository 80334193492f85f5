// What a transport promises about response bodies: every framing, back-pressure, no waiting for the rest.

import assert from 'node:assert/strict';
import { createSignal, until } from '../../support/deadline.ts';
import { answering, onEachRequest, sizedResponse } from '../../support/origin.ts';
import { createSeededRandom } from '../../support/random.ts';
import { type ContractTest, chunked, setStage } from './stage.ts';

const CHUNKED_HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/** What kernels and sockets may hold between an origin and a sink that takes nothing. */
const BUFFERED_BYTES_MAX = 16 * 2 ** 20;

export const bodyTests: Readonly<Record<string, ContractTest>> = {
  'reports head, start, end and done in this order, for an empty body too': async (
    context,
    factory,
  ) => {
    const stage = await setStage(context, factory, answering(sizedResponse('')));
    const { exchange, attempt } = await stage.fetch();
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
    assert.equal(exchange.responseByteLength, 0);
  },

  'decodes a chunked body, ignoring extensions and trailers': async (context, factory) => {
    const body = '5;name="v;alue"\r\nhello\r\n7\r\n, world\r\n0\r\nX-Sum: 1\r\n\r\n';
    const stage = await setStage(context, factory, answering(CHUNKED_HEAD + body));
    const { exchange, attempt } = await stage.fetch();
    assert.equal(attempt.body.toString(), 'hello, world');
    assert.equal(exchange.responseByteLength, -1);
    await stage.fetch();
    assert.equal(stage.origin.connections.length, 1);
  },

  'decodes a chunked body that comes byte by byte': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection) => connection.sendSlowly(CHUNKED_HEAD + chunked('hello', ' you'))),
    );
    const { attempt } = await stage.fetch();
    assert.equal(attempt.body.toString(), 'hello you');
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
  },

  'takes the end of the connection as the end of a body without length': async (
    context,
    factory,
  ) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest(async (connection) => {
        await connection.send('HTTP/1.0 200 OK\r\n\r\n', 'until', ' the end');
        connection.end();
      }),
    );
    const { exchange, attempt } = await stage.fetch();
    assert.equal(attempt.body.toString(), 'until the end');
    assert.equal(exchange.responseByteLength, -1);
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
  },

  'takes no reset for that end, also when it comes together with bytes': async (
    context,
    factory,
  ) => {
    const reset = createSignal();
    const stage = await setStage(
      context,
      factory,
      onEachRequest(async (connection) => {
        await connection.send('HTTP/1.1 200 OK\r\n\r\n', Buffer.alloc(150_000));
        connection.reset();
        reset.resolve();
      }),
    );
    const { attempt } = stage.send();
    attempt.isFull = true;
    await attempt.head();
    await reset.promise;
    attempt.isFull = false;
    attempt.source?.resume();
    await attempt.over();
    assert.equal(attempt.calls.at(-1), 'done body_broken');
  },

  'passes each piece on as it arrives': async (context, factory) => {
    const more = createSignal();
    const stage = await setStage(
      context,
      factory,
      onEachRequest(async (connection) => {
        await connection.send(CHUNKED_HEAD, '4\r\none\n\r\n');
        await more.promise;
        await connection.send('4\r\ntwo\n\r\n0\r\n\r\n');
      }),
    );
    const { attempt } = stage.send();
    await until(() => attempt.byteCount === 4, { what: 'the first piece' });
    assert.equal(attempt.isOver, false);
    more.resolve();
    await attempt.over();
    assert.equal(attempt.body.toString(), 'one\ntwo\n');
  },

  'loses no byte of a large body to a sink that is often full': async (context, factory) => {
    const bytes = Buffer.from(createSeededRandom(5).bytes(2 ** 21));
    const pieces = Array.from({ length: 64 }, (_, at) =>
      bytes.subarray(at * 2 ** 15, (at + 1) * 2 ** 15).toString('latin1'),
    );
    for (const response of [sizedResponse(bytes), CHUNKED_HEAD + chunked(...pieces)]) {
      const stage = await setStage(context, factory, answering(response));
      const { attempt } = stage.send();
      attempt.isFull = true;
      attempt.onChunk = () => {
        setImmediate(() => attempt.source!.resume());
      };
      await attempt.over();
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
      assert.ok(attempt.body.equals(bytes));
    }
  },

  'stops reading while the sink is full or asked for a pause, and goes on after': async (
    context,
    factory,
  ) => {
    const totalBytes = 64 * 2 ** 20;
    const stage = await setStage(
      context,
      factory,
      onEachRequest(async (connection) => {
        await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${totalBytes}\r\n\r\n`);
        const piece = Buffer.alloc(2 ** 20, 0x61);
        for (let sent = 0; sent < totalBytes; sent += piece.length) await connection.send(piece);
      }),
    );
    const { attempt } = stage.send();
    attempt.isKeeping = false;
    attempt.isFull = true;
    const { socket } = await stage.origin.connection(0);
    const isStuck = async () => {
      const before = attempt.byteCount;
      const written = socket.bytesWritten;
      await new Promise((resolve) => setTimeout(resolve, 60));
      return before > 0 && before === attempt.byteCount && written === socket.bytesWritten;
    };
    await until(isStuck, { what: 'the transport stops reading' });
    assert.ok(attempt.byteCount < BUFFERED_BYTES_MAX, `${attempt.byteCount} bytes came through`);
    attempt.source!.pause();
    attempt.isFull = false;
    attempt.source!.resume();
    attempt.source!.resume();
    await attempt.over();
    assert.equal(attempt.byteCount, totalBytes);
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
  },
};
