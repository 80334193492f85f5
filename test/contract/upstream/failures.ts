// What a transport promises when things go wrong: the right row of core/errors, told exactly once.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { freePort } from '../../support/free-port.ts';
import { answering, onEachRequest, sizedResponse } from '../../support/origin.ts';
import { FedBody, makePeer } from '../../unit/worker/support/attempts.ts';
import { type ContractTest, ROOMY, setStage } from './stage.ts';

const SILENT = () => {};

/** The attempt fails before a head. */
function fails(script: string | 'end' | 'reset', code: string): ContractTest {
  return async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest(async (connection) => {
        if (script === 'end' || script === 'reset') connection[script]();
        else await connection.send(script);
      }),
    );
    const { attempt, exchange } = await stage.fetch();
    assert.deepEqual(attempt.calls, [`failure ${code}`]);
    assert.equal(exchange.running, null);
    await (await stage.origin.connection(0)).untilClosed();
    assert.equal(stage.origin.requests.length, 1);
  };
}

/** The response breaks off after its head. */
function breaks(response: string, end: 'end' | 'reset' | null, code = 'body_broken'): ContractTest {
  return async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest(async (connection) => {
        await connection.send(response);
        if (end === 'end') connection.end();
      }),
    );
    const { attempt } = stage.send();
    await attempt.head();
    // Not before: a reset overtakes bytes that were not read yet.
    if (end === 'reset') stage.origin.connections[0]!.reset();
    await attempt.over();
    assert.deepEqual(attempt.calls, ['head', 'start', `failed ${code}`, `done ${code}`]);
    await (await stage.origin.connection(0)).untilClosed();
  };
}

const SIZED = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

export const failureTests: Readonly<Record<string, ContractTest>> = {
  'reports connect_failed when nobody listens': async (context, factory) => {
    const stage = await setStage(context, factory, SILENT);
    const { attempt } = await stage.fetch({}, makePeer(await freePort()));
    assert.deepEqual(attempt.calls, ['failure connect_failed']);
  },

  'reports dns_failed when the name does not exist': async (context, factory) => {
    const stage = await setStage(context, factory, SILENT);
    const { attempt } = await stage.fetch({}, makePeer(80, 'http', 'sluice-test.invalid'));
    assert.deepEqual(attempt.calls, ['failure dns_failed']);
  },

  'reports connect_timeout when TLS is never answered': async (context, factory) => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    context.after(() => server.close());
    const timeouts = { ...ROOMY.timeouts, connectMs: 50 };
    const stage = await setStage(context, factory, SILENT, { timeouts });
    const { port } = server.address() as { port: number };
    const { attempt } = await stage.fetch({}, makePeer(port, 'https'));
    assert.deepEqual(attempt.calls, ['failure connect_timeout']);
  },

  'reports head_timeout when no head comes': async (context, factory) => {
    const timeouts = { ...ROOMY.timeouts, headMs: 50 };
    const stage = await setStage(context, factory, SILENT, { timeouts });
    const { attempt } = await stage.fetch();
    assert.deepEqual(attempt.calls, ['failure head_timeout']);
    await (await stage.origin.connection(0)).untilClosed();
  },

  'does not count the time of a slow client as waiting for the head': async (context, factory) => {
    const timeouts = { ...ROOMY.timeouts, headMs: 1000 };
    const stage = await setStage(context, factory, answering(sizedResponse('ok')), { timeouts });
    const body = new FedBody(6);
    const { attempt } = stage.send({ method: 'POST', body });
    for (const piece of ['a', 'b', 'c', 'd', 'e', 'f']) {
      await new Promise((resolve) => setTimeout(resolve, 250));
      body.feed(piece);
    }
    body.finish();
    await attempt.over();
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
  },

  'reports body_timeout when a body stands still': async (context, factory) => {
    const timeouts = { ...ROOMY.timeouts, bodyIdleMs: 50 };
    const stage = await setStage(context, factory, answering(`${SIZED}12345`), { timeouts });
    const { attempt } = await stage.fetch();
    assert.deepEqual(attempt.calls, ['head', 'start', 'failed body_timeout', 'done body_timeout']);
  },

  'does not blame the peer for a client that does not read': async (context, factory) => {
    const timeouts = { ...ROOMY.timeouts, bodyIdleMs: 500 };
    const stage = await setStage(
      context,
      factory,
      onEachRequest(async (connection) => {
        await connection.send(`${SIZED}12345`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        await connection.send('67890');
      }),
      { timeouts },
    );
    const { attempt } = stage.send();
    attempt.isFull = true;
    await attempt.head();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    assert.equal(attempt.isOver, false);
    attempt.isFull = false;
    attempt.source!.resume();
    await attempt.over();
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
  },

  'reports peer_reset when the peer closes before a head': fails('end', 'peer_reset'),
  'reports peer_reset when the peer resets before a head': fails('reset', 'peer_reset'),
  'reports bad_response for what is not HTTP': fails('SSH-2.0-x\r\n\r\n', 'bad_response'),
  'reports bad_response for two different lengths': fails(
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'bad_response',
  ),
  'reports bad_response for a switch of protocols nobody asked for': fails(
    'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    'bad_response',
  ),
  'reports response_head_too_large': fails(
    `HTTP/1.1 200 OK\r\nX-Large: ${'x'.repeat(70_000)}\r\n\r\n`,
    'response_head_too_large',
  ),

  'breaks the response when a sized body ends early': breaks(`${SIZED}12345`, 'end'),
  'breaks the response when a chunked body ends early': breaks(`${CHUNKED}5\r\n123`, 'end'),
  'breaks the response when the last chunk is missing': breaks(`${CHUNKED}1\r\n1\r\n`, 'end'),
  'breaks the response when a chunk is malformed': breaks(`${CHUNKED}1\r\n1\r\nx`, null),
  'breaks the response when the connection is reset in a body': breaks(
    'HTTP/1.1 200 OK\r\n\r\n12345',
    'reset',
  ),
};
