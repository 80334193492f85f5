// What a transport promises when the client leaves: the attempt ends at once and says no more.

import assert from 'node:assert/strict';
import { ProxyError } from '../../../src/core/errors.ts';
import { onEachRequest, sizedResponse } from '../../support/origin.ts';
import { FedBody } from '../../unit/worker/support/attempts.ts';
import { type ContractTest, setStage } from './stage.ts';

const LEFT = new ProxyError('client_closed');
const SILENT = () => {};
const HALF = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345';
const half = onEachRequest((connection) => connection.send(HALF));
const settle = () => new Promise((resolve) => setTimeout(resolve, 30));

export const cancelTests: Readonly<Record<string, ContractTest>> = {
  'cuts the connection before the head and reports nothing': async (context, factory) => {
    const stage = await setStage(context, factory, SILENT);
    const { exchange, attempt } = stage.send();
    await stage.origin.requestCount(1);
    exchange.running!.cancel(LEFT);
    exchange.running?.cancel(LEFT);
    await (await stage.origin.connection(0)).untilClosed();
    await settle();
    assert.deepEqual(attempt.calls, []);
  },

  'gives up connecting and reports nothing': async (context, factory) => {
    const stage = await setStage(context, factory, SILENT);
    const { exchange, attempt } = stage.send();
    exchange.running!.cancel(LEFT);
    await settle();
    assert.deepEqual(attempt.calls, []);
    assert.equal(stage.origin.requests.length, 0);
  },

  'leaves the line of those who wait': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest(async (connection) => {
        await settle();
        await connection.send(sizedResponse('ok'));
      }),
      { connectionsMax: 1, pendingMax: 2 },
    );
    const first = stage.send({ target: '/first' });
    const left = stage.send({ target: '/left' });
    const last = stage.send({ target: '/last' });
    left.exchange.running!.cancel(LEFT);
    const more = stage.send({ target: '/more' });
    for (const { attempt } of [first, last, more]) await attempt.over();
    assert.deepEqual(
      stage.origin.requests.map(({ target }) => target),
      ['/first', '/last', '/more'],
    );
    assert.deepEqual(left.attempt.calls, []);
  },

  'cuts the connection in the body, tells only that it is done': async (context, factory) => {
    const stage = await setStage(context, factory, half);
    const { attempt } = stage.send();
    const arrived = new Promise<void>((resolve) => {
      attempt.onChunk = () => resolve();
    });
    await arrived;
    attempt.source!.cancel(LEFT);
    attempt.source!.cancel(LEFT);
    assert.deepEqual(attempt.calls, ['head', 'start', 'done client_closed']);
    await (await stage.origin.connection(0)).untilClosed();
    await settle();
    assert.deepEqual(attempt.calls, ['head', 'start', 'done client_closed']);
  },

  'may be cancelled while it reports the head': async (context, factory) => {
    const stage = await setStage(context, factory, half);
    const { attempt } = stage.send();
    const onHead = attempt.onHead.bind(attempt);
    attempt.onHead = (source) => {
      const sink = onHead(source);
      source.cancel(LEFT);
      return sink;
    };
    await attempt.over();
    await (await stage.origin.connection(0)).untilClosed();
    assert.deepEqual(attempt.calls, ['head', 'done client_closed']);
    assert.equal(attempt.byteCount, 0);
  },

  'may be cancelled while it writes, even the last bytes': async (context, factory) => {
    for (const response of [HALF, sizedResponse('all of it')]) {
      const stage = await setStage(
        context,
        factory,
        onEachRequest((connection) => connection.send(response)),
      );
      const { attempt } = stage.send();
      attempt.onChunk = () => attempt.source!.cancel(LEFT);
      await attempt.over();
      await settle();
      assert.deepEqual(attempt.calls, ['head', 'start', 'done client_closed']);
    }
  },

  'does nothing to later exchanges when cancelled after its end': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest(async (connection) => {
        await settle();
        await connection.send(sizedResponse('ok'));
      }),
    );
    const first = await stage.fetch();
    const second = stage.send();
    first.attempt.source!.pause();
    first.attempt.source!.cancel(LEFT);
    first.attempt.source!.resume();
    await second.attempt.over();
    assert.deepEqual(second.attempt.calls, ['head', 'start', 'end', 'done']);
    assert.deepEqual(first.attempt.calls, ['head', 'start', 'end', 'done']);
    assert.equal(stage.origin.connections.length, 1);
  },

  'stops an upload': async (context, factory) => {
    const stage = await setStage(context, factory, SILENT);
    const body = new FedBody(100);
    const { exchange, attempt } = stage.send({ method: 'POST', body });
    body.feed('some');
    const connection = await stage.origin.connection(0);
    await connection.head();
    exchange.running!.cancel(LEFT);
    body.feed('more');
    await connection.untilClosed();
    assert.deepEqual(attempt.calls, []);
    assert.equal(connection.received.toString().endsWith('some'), true);
  },
};
