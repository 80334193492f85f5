// What a transport promises about its connections: which are kept, which are thrown away, who waits.

import assert from 'node:assert/strict';
import { until } from '../../support/deadline.ts';
import { answering, onEachRequest, sizedResponse } from '../../support/origin.ts';
import { FedBody } from '../../unit/worker/support/attempts.ts';
import { type ContractTest, ROOMY, setStage } from './stage.ts';

const OK = sizedResponse('ok');

export const poolTests: Readonly<Record<string, ContractTest>> = {
  'uses one connection for one exchange after the other': async (context, factory) => {
    const stage = await setStage(context, factory, answering(OK));
    for (let at = 0; at < 5; at++) await stage.fetch();
    assert.equal(stage.origin.connections.length, 1);
  },

  'uses a connection for one exchange at a time': async (context, factory) => {
    const stage = await setStage(context, factory, () => {});
    for (let at = 0; at < 3; at++) stage.send();
    await stage.origin.requestCount(3);
    assert.equal(stage.origin.connections.length, 3);
  },

  'throws a connection away after a response that does not allow another': async (
    context,
    factory,
  ) => {
    const answers = [
      sizedResponse('ok', ['Connection: close']),
      'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok',
      sizedResponse('ok', ['Connection: x, Close']),
    ];
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection) => connection.send(answers[connection.index] ?? OK)),
    );
    for (const _ of answers) {
      const { attempt } = await stage.fetch();
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
    }
    await stage.fetch();
    assert.equal(stage.origin.connections.length, answers.length + 1);
  },

  'never trusts a byte after a response': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection) =>
        connection.index === 0
          ? connection.send(Buffer.concat([OK, sizedResponse('poison')]))
          : connection.send(OK),
      ),
    );
    const first = await stage.fetch();
    assert.equal(first.attempt.body.toString(), 'ok');
    const second = await stage.fetch();
    assert.equal(second.attempt.body.toString(), 'ok');
    assert.equal(stage.origin.connections.length, 2);
  },

  'throws an unused connection away on any byte and on its end': async (context, factory) => {
    const stage = await setStage(context, factory, answering(OK));
    await stage.fetch();
    await stage.origin.connections[0]!.send(sizedResponse('poison'));
    await (await stage.origin.connection(0)).untilClosed();
    await stage.fetch();
    assert.equal(stage.origin.connections.length, 2);
    stage.origin.connections[1]!.end();
    await (await stage.origin.connection(1)).untilClosed();
    const { attempt } = await stage.fetch();
    assert.equal(attempt.body.toString(), 'ok');
    assert.equal(stage.origin.connections.length, 3);
  },

  'closes a connection after its number of requests': async (context, factory) => {
    const keepAlive = { ...ROOMY.keepAlive, requestsMax: 3 };
    const stage = await setStage(context, factory, answering(OK), { keepAlive });
    for (let at = 0; at < 7; at++) await stage.fetch();
    assert.deepEqual(
      stage.origin.connections.map(({ requests }) => requests.length),
      [3, 3, 1],
    );
  },

  'closes an unused connection after the idle limit': async (context, factory) => {
    const keepAlive = { ...ROOMY.keepAlive, idleMs: 50 };
    const stage = await setStage(context, factory, answering(OK), { keepAlive });
    await stage.fetch();
    await (await stage.origin.connection(0)).untilClosed();
  },

  'keeps no connection that the peer will close within two seconds': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      answering(sizedResponse('ok', ['Keep-Alive: timeout=2'])),
    );
    await stage.fetch();
    await (await stage.origin.connection(0)).untilClosed();
  },

  'opens no more connections than allowed and serves who waits in order': async (
    context,
    factory,
  ) => {
    const stage = await setStage(context, factory, answering(OK), { connectionsMax: 2 });
    const sent = Array.from({ length: 10 }, (_, at) => stage.send({ target: `/${at}` }));
    for (const { attempt } of sent) {
      await attempt.over();
      assert.equal(attempt.calls.at(-1), 'done');
    }
    assert.equal(stage.origin.connections.length, 2);
    for (const { requests } of stage.origin.connections) {
      const order = requests.map(({ target }) => Number(target.slice(1)));
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      );
    }
  },

  'refuses at once when too many wait': async (context, factory) => {
    const stage = await setStage(context, factory, () => {}, { connectionsMax: 1, pendingMax: 2 });
    const sent = Array.from({ length: 4 }, () => stage.send());
    assert.deepEqual(sent[3]!.attempt.calls, ['failure queue_full']);
    for (const { attempt } of sent.slice(0, 3)) assert.deepEqual(attempt.calls, []);
  },

  'lets nobody wait longer than allowed': async (context, factory) => {
    const settings = { connectionsMax: 1, pendingTimeoutMs: 50 };
    const stage = await setStage(context, factory, () => {}, settings);
    const running = stage.send();
    const { attempt } = await stage.fetch();
    assert.deepEqual(attempt.calls, ['failure queue_timeout']);
    assert.deepEqual(running.attempt.calls, []);
  },

  'sends a request again, unseen, when a kept connection turns out to be closed': async (
    context,
    factory,
  ) => {
    for (const end of ['end', 'reset'] as const) {
      const stage = await setStage(
        context,
        factory,
        onEachRequest((connection) => {
          if (connection.index > 0 || connection.requests.length === 1) return connection.send(OK);
          connection[end]();
        }),
      );
      await stage.fetch();
      const get = await stage.fetch({ target: '/again' });
      assert.deepEqual(get.attempt.calls, ['head', 'start', 'end', 'done']);
      assert.equal(stage.origin.connections.length, 2);
      assert.deepEqual(
        stage.origin.requests.map(({ target }) => target),
        ['/', '/again', '/again'],
      );
    }
  },

  'sends a replayable body again with it': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection) => {
        if (connection.index > 0 || connection.requests.length === 1) return connection.send(OK);
        connection.end();
      }),
    );
    await stage.fetch();
    const body = new FedBody(10);
    const sent = stage.send({ method: 'PUT', body });
    body.feed('0123456789');
    body.finish();
    await sent.attempt.over();
    assert.deepEqual(sent.attempt.calls, ['head', 'start', 'end', 'done']);
    assert.deepEqual(
      stage.origin.requests.slice(1).map((request) => request.body.toString()),
      ['0123456789', '0123456789'],
    );
  },

  'does not repeat what may have been processed': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection) => {
        if (connection.requests.length === 1) return connection.send(OK);
        connection.end();
      }),
    );
    await stage.fetch();
    const post = await stage.fetch({ method: 'POST' });
    assert.deepEqual(post.attempt.calls, ['failure peer_reset']);
    await stage.fetch();
    const body = new FedBody(4);
    body.replayable = false;
    const put = stage.send({ method: 'PUT', body });
    body.feed('once');
    body.finish();
    await put.attempt.over();
    assert.deepEqual(put.attempt.calls, ['failure peer_reset']);
  },

  'tries a stale connection once, not for ever': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection) => {
        if (connection.index === 0 && connection.requests.length === 1) return connection.send(OK);
        connection.end();
      }),
    );
    await stage.fetch();
    const { attempt } = await stage.fetch();
    assert.deepEqual(attempt.calls, ['failure peer_reset']);
    assert.equal(stage.origin.requests.length, 3);
  },

  'frees the room of a connection that failed': async (context, factory) => {
    const stage = await setStage(
      context,
      factory,
      onEachRequest((connection) => {
        if (connection.index > 1) return connection.send(OK);
        connection.reset();
      }),
      { connectionsMax: 1 },
    );
    const sent = Array.from({ length: 5 }, () => stage.send({ method: 'POST' }));
    for (const { attempt } of sent) await attempt.over();
    const ends = sent.map(({ attempt }) => attempt.calls.at(-1));
    assert.deepEqual(ends, ['failure peer_reset', 'failure peer_reset', 'done', 'done', 'done']);
    await until(() => stage.origin.connections.length === 3, { what: 'three connections' });
  },
};
