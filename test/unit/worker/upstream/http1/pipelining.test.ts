// Several requests in flight on one connection: who shares, in what order, and what a failure costs.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../../src/core/errors.ts';
import { onEachRequest, sizedResponse, startOrigin } from '../../../../support/origin.ts';
import { makePeer } from '../../support/attempts.ts';
import { createPools, createUpstream, fetch, send } from './support.ts';

const echo = onEachRequest((connection, { target }) => connection.send(sizedResponse(target)));

function targetsOf(requests: readonly { target: string }[]): string[] {
  return requests.map(({ target }) => target);
}

describe('http1 pipelining', () => {
  it('sends the requests of one turn in one write, on a connection that has proved itself', async (context) => {
    const origin = await startOrigin(echo, { context });
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context), { pipelining: 8 });
    await fetch(upstream, peer, '/warm');
    let writes = 0;
    origin.connections[0]!.socket.on('data', () => {
      writes += 1;
    });
    const sent = ['/a', '/b', '/c', '/d'].map((target) => send(upstream, peer, target));
    for (const { attempt } of sent) await attempt.over();
    assert.deepEqual(
      sent.map(({ attempt }) => attempt.body.toString()),
      ['/a', '/b', '/c', '/d'],
    );
    assert.equal(origin.connections.length, 1);
    assert.equal(writes, 1);
  });

  it('opens more connections beyond its depth, and while they are new', async (context) => {
    const origin = await startOrigin(echo, { context });
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context), { pipelining: 2 });
    await Promise.all(['/1', '/2', '/3'].map((target) => fetch(upstream, peer, target)));
    assert.equal(origin.connections.length, 3);
    await Promise.all(
      ['/4', '/5', '/6', '/7', '/8', '/9', '/10'].map((target) => fetch(upstream, peer, target)),
    );
    assert.equal(origin.connections.length, 4);
  });

  it('lets what is not safe to repeat go alone', async (context) => {
    const origin = await startOrigin(() => {}, { context });
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context), { pipelining: 8 });
    const warm = send(upstream, peer, '/warm');
    await origin.requestCount(1);
    await origin.connections[0]!.send(sizedResponse('ok'));
    await warm.attempt.over();
    send(upstream, peer, { method: 'POST', target: '/post' });
    send(upstream, peer, '/get');
    send(upstream, peer, { method: 'DELETE', target: '/delete' });
    await origin.requestCount(4);
    assert.deepEqual(
      origin.connections.map(({ requests }) => targetsOf(requests)),
      [['/warm', '/post'], ['/get'], ['/delete']],
    );
  });

  it('sends again what an orderly close left unanswered', async (context) => {
    const origin = await startOrigin(
      onEachRequest(async (connection, { target }) => {
        const isLast = connection.index === 0 && connection.requests.length > 1;
        await connection.send(sizedResponse(target, isLast ? ['Connection: close'] : []));
        if (isLast) connection.end();
      }),
      { context },
    );
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context), { pipelining: 8 });
    await fetch(upstream, peer, '/warm');
    const sent = ['/a', '/b', '/c'].map((target) => send(upstream, peer, target));
    for (const { attempt } of sent) await attempt.over();
    assert.deepEqual(
      sent.map(({ attempt }) => `${attempt.body} ${attempt.calls.at(-1)}`),
      ['/a done', '/b done', '/c done'],
    );
    assert.equal(upstream.stats()[0]!.repeated, 2);
  });

  it('ends all that wait behind a malformed response, and says that they may be tried again', async (context) => {
    const origin = await startOrigin(
      onEachRequest((connection) =>
        connection.send(connection.requests.length > 1 ? 'rubbish' : sizedResponse('ok')),
      ),
      { context },
    );
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context), { pipelining: 8 });
    await fetch(upstream, peer);
    const sent = ['/a', '/b', '/c'].map((target) => send(upstream, peer, target));
    for (const { attempt } of sent) await attempt.over();
    assert.deepEqual(
      sent.flatMap(({ attempt }) => attempt.calls),
      ['failure bad_response', 'failure peer_reset', 'failure peer_reset'],
    );
  });

  it('drops the response of a client that left, and gives the others theirs', async (context) => {
    const origin = await startOrigin(
      onEachRequest(async (connection, { target }) => {
        if (target !== '/warm') await new Promise((resolve) => setTimeout(resolve, 10));
        await connection.send(sizedResponse(target));
      }),
      { context },
    );
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context), { pipelining: 8 });
    await fetch(upstream, peer, '/warm');
    const sent = ['/a', '/b', '/c'].map((target) => send(upstream, peer, target));
    await origin.requestCount(4);
    const left = new ProxyError('client_closed');
    sent[0]!.exchange.running!.cancel(left);
    sent[1]!.exchange.running!.cancel(left);
    await sent[2]!.attempt.over();
    assert.equal(sent[2]!.attempt.body.toString(), '/c');
    assert.deepEqual([...sent[0]!.attempt.calls, ...sent[1]!.attempt.calls], []);
    assert.equal(origin.connections.length, 1);
  });

  it('does not give a request that has not left an answer that came too early', async (context) => {
    const origin = await startOrigin(echo, { context });
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context), { pipelining: 8 });
    await fetch(upstream, peer, '/warm');
    // In one turn the poison arrives and the request is queued; it leaves only at the end of the turn.
    const sent = await new Promise<ReturnType<typeof send>>((resolve) => {
      setTimeout(() => {
        origin.connections[0]!.socket.write(sizedResponse('poison'));
        resolve(send(upstream, peer, '/a'));
      }, 1);
    });
    await sent.attempt.over();
    assert.equal(sent.attempt.body.toString(), '/a');
    assert.equal(origin.connections.length, 2);
  });
});
