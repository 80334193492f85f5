// Clients of HTTP/2 that break the rules, or the other side's patience, on the engine node: what is only one
// stream's fault ends that stream, what nobody can go on after ends the connection, with the right code.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../support/deadline.ts';
import * as raw from '../../support/raw-http2.ts';
import {
  answer,
  collect,
  openScripted,
  useEngine,
} from '../../unit/worker/listener/support/scripted-handler.ts';

useEngine('node');

const PROTOCOL_ERROR = 1;
const FLOW_CONTROL_ERROR = 3;
const STREAM_CLOSED = 5;
const FRAME_SIZE_ERROR = 6;
const COMPRESSION_ERROR = 9;
const ENHANCE_YOUR_CALM = 11;
const LARGEST = raw.uint32(0x7fff_ffff);

/** What must come of it: GOAWAY or RST_STREAM on stream 1. */
interface Fault {
  readonly name: string;
  readonly bytes: readonly Buffer[];
  readonly goaway?: number;
  readonly reset?: number;
}

const withField = (name: string, value: string): Buffer =>
  raw.request(1, Buffer.concat([raw.REQUEST, raw.literal(name, value)]));
const upload = raw.frame(raw.HEADERS, raw.END_HEADERS, 1, raw.POST);
const fields = (count: number, length: number): Buffer =>
  Buffer.concat(Array<Buffer>(count).fill(raw.literal('x', 'x'.repeat(length))));

const faults: readonly Fault[] = [
  {
    name: 'the window of the connection overflows',
    bytes: [raw.frame(raw.WINDOW_UPDATE, 0, 0, LARGEST)],
    goaway: FLOW_CONTROL_ERROR,
  },
  {
    name: 'the window of a stream overflows',
    bytes: [upload, raw.frame(raw.WINDOW_UPDATE, 0, 1, LARGEST)],
    goaway: FLOW_CONTROL_ERROR,
  },
  {
    name: 'the window of the connection grows by nothing',
    bytes: [raw.frame(raw.WINDOW_UPDATE, 0, 0, raw.uint32(0))],
    goaway: PROTOCOL_ERROR,
  },
  { name: 'a stream of even number', bytes: [raw.request(2)], goaway: PROTOCOL_ERROR },
  {
    name: 'a stream that is opened twice',
    bytes: [raw.request(1), raw.request(1)],
    goaway: STREAM_CLOSED,
  },
  {
    name: 'DATA on a stream that was never opened',
    bytes: [raw.frame(raw.DATA, 0, 7, 'x')],
    goaway: PROTOCOL_ERROR,
  },
  {
    name: 'RST_STREAM for a stream that was never opened',
    bytes: [raw.frame(raw.RST_STREAM, 0, 9, raw.uint32(8))],
    goaway: PROTOCOL_ERROR,
  },
  {
    name: 'something between the parts of a head',
    bytes: [raw.frame(raw.HEADERS, 0, 1, raw.REQUEST), raw.frame(raw.PING, 0, 0, Buffer.alloc(8))],
    goaway: PROTOCOL_ERROR,
  },
  {
    name: 'a frame larger than agreed on',
    bytes: [upload, raw.frame(raw.DATA, 0, 1, Buffer.alloc(20_000))],
    goaway: FRAME_SIZE_ERROR,
  },
  {
    name: 'an index that no table has',
    bytes: [raw.request(1, Buffer.from([0xff, 0xff, 0xff, 0x7f]))],
    goaway: COMPRESSION_ERROR,
  },
  {
    name: 'more fields than allowed',
    bytes: [raw.request(1, Buffer.concat([raw.REQUEST, fields(150, 10)]))],
    reset: ENHANCE_YOUR_CALM,
  },
  {
    name: 'a head larger than allowed, in several frames',
    bytes: [
      raw.frame(raw.HEADERS, raw.END_STREAM, 1, raw.REQUEST),
      raw.frame(raw.CONTINUATION, 0, 1, fields(120, 126)),
      raw.frame(raw.CONTINUATION, 0, 1, fields(120, 126)),
      raw.frame(raw.CONTINUATION, raw.END_HEADERS, 1, fields(120, 126)),
    ],
    reset: ENHANCE_YOUR_CALM,
  },
  { name: 'capital letters in a name', bytes: [withField('X-Up', 'a')], reset: PROTOCOL_ERROR },
  {
    name: 'a field of one connection',
    bytes: [withField('connection', 'close')],
    reset: PROTOCOL_ERROR,
  },
  {
    name: 'a length, and no body',
    bytes: [raw.request(1, Buffer.concat([raw.POST, raw.literal('content-length', '5')]))],
    reset: PROTOCOL_ERROR,
  },
  {
    name: 'a body shorter than its length',
    bytes: [
      raw.frame(
        raw.HEADERS,
        raw.END_HEADERS,
        1,
        Buffer.concat([raw.POST, raw.literal('content-length', '5')]),
      ),
      raw.frame(raw.DATA, raw.END_STREAM, 1, 'xx'),
    ],
    reset: PROTOCOL_ERROR,
  },
];

describe('a fault of an HTTP/2 client', () => {
  for (const { name, bytes, goaway, reset } of faults) {
    it(`is ${name}`, async (t) => {
      const { port, reports, handler } = await openScripted(
        t,
        (exchange) => {
          collect(exchange, (_, error) => {
            if (error === null && exchange.target === '/honest') answer(exchange);
          });
        },
        { http2: true },
      );
      const client = await raw.openRaw(port, t);
      await client.send(...bytes);
      if (goaway !== undefined) {
        await client.closed();
        assert.equal(client.goawayCode, goaway);
      } else {
        await until(() => client.resets.has(1), { what: 'the stream is reset' });
        assert.equal(client.resets.get(1), reset);
        assert.equal(client.isClosed, false);
      }
      await until(() => handler.finishedExchanges.length === handler.served.length, {
        what: 'nothing runs',
      });
      assert.deepEqual(reports, []);
    });
  }

  it('is one that hides a field in a value: the field is left out', async (t) => {
    const { port, handler } = await openScripted(t, (exchange) => answer(exchange), {
      http2: true,
    });
    const client = await raw.openRaw(port, t);
    await client.send(withField('x', 'a\r\nx-admin: yes'));
    await until(() => handler.served.length === 1, { what: 'it is served' });
    assert.deepEqual(handler.served[0]!.requestHeaders, ['host', 'a']);
  });

  it('is one that opens a stream again that is over: it is not served twice', async (t) => {
    const { port, handler } = await openScripted(t, (exchange) => answer(exchange), {
      http2: true,
    });
    const client = await raw.openRaw(port, t);
    await client.send(raw.request(5));
    await until(() => handler.finishedExchanges.length === 1, { what: 'it is over' });
    await client.send(raw.request(5), raw.request(3), raw.request(7));
    await until(() => handler.served.length >= 2, { what: 'the new one is served' });
    await until(() => handler.finishedExchanges.length === handler.served.length, {
      what: 'nothing runs',
    });
    assert.equal(handler.served.length, 2);
  });
});

describe('an HTTP/2 client that takes its time', () => {
  const settings = { requestHeadMs: 300, clientIdleMs: 300, requestBodyIdleMs: 300 };
  const options = { http2: true, settings, tickMs: 50 };

  it('is cut before its preface is complete', async (t) => {
    const { port } = await openScripted(t, (exchange) => answer(exchange), options);
    const client = raw.connectRaw(port, t);
    await client.send(Buffer.from(raw.PREFACE.slice(0, 10)));
    await client.closed();
    assert.equal(client.goawayCode, null);
  });

  it('is told to go when the end of its head does not come', async (t) => {
    const { port, handler } = await openScripted(t, (exchange) => answer(exchange), options);
    const client = await raw.openRaw(port, t);
    await client.send(raw.frame(raw.HEADERS, 0, 1, raw.REQUEST));
    await client.closed();
    assert.deepEqual([client.goawayCode, handler.served.length], [0, 0]);
  });

  it('loses a stream whose body does not come, and keeps the others', async (t) => {
    const failures: (string | undefined)[] = [];
    const { port } = await openScripted(
      t,
      (exchange) => {
        collect(exchange, (_, error) => {
          failures.push(error?.code);
          answer(exchange, { status: error === null ? 200 : error.failure.status });
        });
      },
      options,
    );
    const client = await raw.openRaw(port, t);
    await client.send(raw.frame(raw.HEADERS, raw.END_HEADERS, 1, raw.POST));
    const answered = (stream: number) =>
      client.frames.some((each) => each.type === raw.HEADERS && each.stream === stream);
    await until(() => answered(1), { what: 'the answer' });
    assert.deepEqual(failures, ['request_timeout']);
    await client.send(raw.request(3));
    await until(() => answered(3), { what: 'the answer to the other' });
  });
});
