// What a transport promises about request bodies: framing, back-pressure, and early answers.

import assert from 'node:assert/strict';
import { ProxyError } from '../../../src/core/errors.ts';
import { until } from '../../support/deadline.ts';
import { fieldValues } from '../../support/http-message.ts';
import { answering, onEachRequest, sizedResponse } from '../../support/origin.ts';
import { createSeededRandom } from '../../support/random.ts';
import { FedBody } from '../../unit/worker/support/attempts.ts';
import { type ContractTest, setStage } from './stage.ts';

const OK = sizedResponse('ok');

function upload(body: FedBody) {
  return { method: 'POST', body };
}

export const uploadTests: Readonly<Record<string, ContractTest>> = {
  'sends a body that is complete already': async (context, factory) => {
    const stage = await setStage(context, factory, answering(OK));
    for (const length of [0, 1, 1024, 60_000]) {
      const bytes = Buffer.from(createSeededRandom(length).bytes(length));
      const body = new FedBody(length);
      body.complete = bytes;
      if (length > 0) body.feed(bytes);
      body.finish();
      await stage.fetch(upload(body));
      const request = stage.origin.requests.at(-1)!;
      assert.ok(request.body.equals(bytes), `${length} bytes`);
      assert.deepEqual(fieldValues(request.fields, 'content-length'), [String(length)]);
    }
    assert.equal(stage.origin.connections.length, 1);
  },

  'streams a body of known length, and copies what it was only lent': async (context, factory) => {
    const stage = await setStage(context, factory, answering(OK));
    const bytes = Buffer.from(createSeededRandom(1).bytes(300_000));
    const body = new FedBody(bytes.length);
    const { attempt } = stage.send(upload(body));
    for (let at = 0; at < bytes.length; at += 50_000) body.feed(bytes.subarray(at, at + 50_000));
    body.finish();
    await attempt.over();
    const [request] = stage.origin.requests;
    assert.ok(request!.body.equals(bytes));
    assert.deepEqual(fieldValues(request!.fields, 'content-length'), ['300000']);
    assert.deepEqual(fieldValues(request!.fields, 'transfer-encoding'), []);
  },

  'streams a body of unknown length chunked': async (context, factory) => {
    const stage = await setStage(context, factory, answering(OK));
    const body = new FedBody();
    const { attempt } = stage.send(upload(body));
    await stage.origin.connection(0);
    for (const piece of ['one', '', 'two', 'three']) body.feed(piece);
    body.finish();
    await attempt.over();
    const [request] = stage.origin.requests;
    assert.equal(request!.body.toString(), 'onetwothree');
    assert.deepEqual(fieldValues(request!.fields, 'transfer-encoding'), ['chunked']);
    assert.deepEqual(fieldValues(request!.fields, 'content-length'), []);
  },

  'sends the head and the first bytes before the body is complete': async (context, factory) => {
    const stage = await setStage(context, factory, answering(OK));
    const body = new FedBody(10);
    const { attempt } = stage.send(upload(body));
    body.feed('12345');
    const connection = await stage.origin.connection(0);
    assert.match(await connection.head(), /^POST /);
    await until(() => connection.received.toString().endsWith('12345'), { what: 'first half' });
    body.feed('67890');
    body.finish();
    await attempt.over();
    assert.equal(stage.origin.requests[0]!.body.toString(), '1234567890');
  },

  'pauses the client while the peer reads nothing, and loses nothing': async (context, factory) => {
    const stage = await setStage(context, factory, answering(OK));
    const body = new FedBody();
    const { attempt } = stage.send(upload(body));
    const connection = await stage.origin.connection(0);
    await until(() => body.pipeCount === 1, { what: 'the body is piped' });
    const piece = Buffer.alloc(2 ** 16, 0x62);
    let bytes = piece.length;
    body.feed(piece);
    await connection.head();
    connection.pause();
    while (body.feed(piece) && bytes < 2 ** 26) bytes += piece.length;
    bytes += piece.length;
    assert.ok(bytes < 2 ** 26, 'the body was never paused');
    assert.ok(body.isPaused);
    connection.resume();
    await until(() => !body.isPaused, { what: 'the body goes on' });
    body.finish();
    await attempt.over();
    assert.equal(stage.origin.requests[0]!.body.length, bytes);
  },

  'passes an early answer on, stops the body and does not reuse the connection': async (
    context,
    factory,
  ) => {
    const stage = await setStage(context, factory, async (connection) => {
      await connection.head();
      await connection.send('HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nbig');
      if (connection.index > 0) return;
      await connection.untilClosed();
    });
    const body = new FedBody(1000);
    const { exchange, attempt } = stage.send(upload(body));
    body.feed('a little');
    await attempt.over();
    assert.equal(exchange.status, 413);
    assert.equal(attempt.body.toString(), 'big');
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
    body.feed('late bytes');
    await stage.fetch();
    assert.equal(stage.origin.connections.length, 2);
  },

  'breaks the request off when its body breaks off': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest(() => {}),
    );
    for (const length of [100, -1]) {
      const body = new FedBody(length);
      const { attempt } = stage.send(upload(body));
      body.feed('some');
      const connection = await stage.origin.connection(stage.origin.connections.length);
      await connection.head();
      body.breakOff(new ProxyError('request_timeout'));
      await attempt.over();
      assert.deepEqual(attempt.calls, ['failure request_timeout']);
      await connection.untilClosed();
    }
    assert.equal(stage.origin.requests.length, 0);
  },
};
