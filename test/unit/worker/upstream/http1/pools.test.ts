// Pools over time: configurations that come and go, room shared by the peers of an upstream, and age.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../../../support/deadline.ts';
import {
  answering,
  onEachRequest,
  sizedResponse,
  startOrigin,
} from '../../../../support/origin.ts';
import { makePeer } from '../../support/attempts.ts';
import { createPools, createUpstream, fetch, options, send } from './support.ts';

const OK = sizedResponse('ok');
const settle = () => new Promise((resolve) => setTimeout(resolve, 40));

describe('http1 pools', () => {
  it('keeps connections warm over a reload that connects in the same way', async (context) => {
    const origin = await startOrigin(answering(OK), { context });
    const peer = makePeer(origin.port);
    const pools = createPools(context);
    const before = createUpstream(pools, {}, [peer]);
    await fetch(before, peer);
    const timeouts = { ...options().timeouts, headMs: 7 };
    const after = createUpstream(pools, { timeouts }, [peer]);
    before.drain();
    await fetch(after, peer);
    assert.equal(origin.connections.length, 1);
    assert.equal(pools.stats.length, 1);
  });

  it('connects anew when the way to connect has changed', async (context) => {
    const origin = await startOrigin(answering(OK), { context });
    const peer = makePeer(origin.port);
    const pools = createPools(context);
    const before = createUpstream(pools, {}, [peer]);
    await fetch(before, peer);
    const tls = { verify: true, ca: null, serverName: 'other' };
    const after = createUpstream(pools, { tls }, [peer]);
    before.drain();
    await fetch(after, peer);
    assert.equal(origin.connections.length, 2);
    await (await origin.connection(0)).untilClosed();
  });

  it('finishes what runs when drained, keeps nothing, and still serves the old plan', async (context) => {
    const origin = await startOrigin(
      onEachRequest(async (connection) => {
        await settle();
        await connection.send(OK);
      }),
      { context },
    );
    const peer = makePeer(origin.port);
    const pools = createPools(context);
    const upstream = createUpstream(pools, {}, [peer]);
    const running = send(upstream, peer);
    await origin.requestCount(1);
    upstream.drain();
    await running.attempt.over();
    assert.equal(running.attempt.calls.at(-1), 'done');
    await (await origin.connection(0)).untilClosed();
    const late = await fetch(upstream, peer);
    assert.equal(late.attempt.calls.at(-1), 'done');
    await (await origin.connection(1)).untilClosed();
    assert.equal(pools.stats.length, 0);
  });

  it('cuts what runs and waits when closed', async (context) => {
    const origin = await startOrigin(() => {}, { context });
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context), { connectionsMax: 1 }, [peer]);
    const sent = [send(upstream, peer), send(upstream, peer)];
    await origin.requestCount(1);
    upstream.close();
    for (const { attempt } of sent) assert.deepEqual(attempt.calls, ['failure draining']);
    await (await origin.connection(0)).untilClosed();
  });

  it('gives the room of an unused connection to another peer of the upstream', async (context) => {
    const origins = [
      await startOrigin(answering(OK), { context }),
      await startOrigin(answering(OK), { context }),
    ] as const;
    const [first, second] = origins.map(({ port }) => makePeer(port)) as [
      ReturnType<typeof makePeer>,
      ReturnType<typeof makePeer>,
    ];
    const upstream = createUpstream(createPools(context), { connectionsMax: 1 }, [first, second]);
    await fetch(upstream, first);
    const sent = await fetch(upstream, second);
    assert.equal(sent.attempt.calls.at(-1), 'done');
    await (await origins[0].connection(0)).untilClosed();
  });

  it('gives the room of a busy connection to another peer as soon as it is free', async (context) => {
    const origins = [
      await startOrigin(
        onEachRequest(async (connection) => {
          await settle();
          await connection.send(OK);
        }),
        { context },
      ),
      await startOrigin(answering(OK), { context }),
    ] as const;
    const first = makePeer(origins[0].port);
    const second = makePeer(origins[1].port);
    const upstream = createUpstream(createPools(context), { connectionsMax: 1 }, [first, second]);
    const running = send(upstream, first);
    const waiting = send(upstream, second);
    await waiting.attempt.over();
    assert.equal(running.attempt.calls.at(-1), 'done');
    assert.equal(waiting.attempt.calls.at(-1), 'done');
  });

  it('uses the connection that was used last, so that the others may rest and end', async (context) => {
    const origin = await startOrigin(answering(OK), { context });
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context));
    await Promise.all([1, 2, 3].map(() => fetch(upstream, peer)));
    for (let at = 0; at < 6; at++) await fetch(upstream, peer);
    const counts = origin.connections.map(({ requests }) => requests.length).sort();
    assert.deepEqual(counts, [1, 1, 7]);
  });

  it('believes Keep-Alive less two seconds, more than the setting or less', async (context) => {
    const clock = { now: 1000, nowMs: () => clock.now, wallMs: () => clock.now };
    const origin = await startOrigin(answering(sizedResponse('ok', ['Keep-Alive: timeout=5'])), {
      context,
    });
    const peer = makePeer(origin.port);
    const keepAlive = { ...options().keepAlive, idleMs: 1 };
    const upstream = createUpstream(createPools(context, clock), { keepAlive });
    await fetch(upstream, peer);
    clock.now += 2_990;
    await settle();
    assert.equal(upstream.stats()[0]!.idle, 1);
    clock.now += 100;
    await (await origin.connection(0)).untilClosed();
  });

  it('does not use a connection beyond its age', async (context) => {
    const clock = { now: 1000, nowMs: () => clock.now, wallMs: () => clock.now };
    const origin = await startOrigin(answering(OK), { context });
    const peer = makePeer(origin.port);
    const keepAlive = { ...options().keepAlive, idleMs: 900_000, ageMs: 60_000 };
    const upstream = createUpstream(createPools(context, clock), { keepAlive });
    await fetch(upstream, peer);
    clock.now += 59_000;
    await settle();
    await fetch(upstream, peer);
    assert.equal(origin.connections.length, 1);
    clock.now += 2_000;
    await (await origin.connection(0)).untilClosed();
    await fetch(upstream, peer);
    assert.equal(origin.connections.length, 2);
  });

  it('counts what it does', async (context) => {
    const origin = await startOrigin(answering(OK), { context });
    const peer = makePeer(origin.port);
    const upstream = createUpstream(createPools(context));
    await fetch(upstream, peer);
    await fetch(upstream, peer);
    assert.deepEqual(upstream.stats(), [
      { peer: peer.id, connections: 1, idle: 1, waiting: 0, opened: 1, repeated: 0 },
    ]);
    origin.connections[0]!.reset();
    await until(() => upstream.stats()[0]!.connections === 0, { what: 'the connection is gone' });
  });
});
