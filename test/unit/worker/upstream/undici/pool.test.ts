// How the undici transport shares few connections among peers and exchanges.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../../../support/deadline.ts';
import {
  answering,
  onEachRequest,
  sizedResponse,
  startOrigin,
} from '../../../../support/origin.ts';
import { completed, makePeer, RecordingAttempt } from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';
import { startUpstream, turns } from './support.ts';

const OK = sizedResponse('hi');

describe('connections of the undici transport', () => {
  it('gives the turn to who has waited longest, at whatever peer', async (t) => {
    const order: string[] = [];
    const origins = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        startOrigin(
          onEachRequest(async (connection, { target }) => {
            order.push(`${name}${target}`);
            await connection.send(OK);
          }),
          { context: t },
        ),
      ),
    );
    const peers = origins.map(({ port }) => makePeer(port));
    const upstream = startUpstream(t, { connectionsMax: 1, pendingMax: 100 });
    const all: Promise<RecordingAttempt>[] = [];
    for (let round = 0; round < 4; round++) {
      for (const peer of peers) {
        const exchange = makeExchange({ target: `/${round}` });
        all.push(completed((a) => upstream.send(exchange, peer, a)));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
    for (const attempt of await Promise.all(all)) assert.equal(attempt.calls.at(-1), 'done');
    const rounds = order.map((line) => Number(line.slice(2)));
    // With one connection for three peers nobody is overtaken by a later round.
    assert.deepEqual(rounds, rounds.toSorted());
    assert.ok(upstream.connections <= 1);
  });

  it('closes those to peers that are no more, and keeps the others', async (t) => {
    const one = await startOrigin(answering(OK), { context: t });
    const two = await startOrigin(answering(OK), { context: t });
    const [gone, kept] = [makePeer(one.port), makePeer(two.port)];
    const upstream = startUpstream(t);
    for (const peer of [gone, kept]) {
      await completed((a) => upstream.send(makeExchange(), peer, a));
    }
    await turns();
    upstream.keepOnly([kept]);
    await (await one.connection(0)).untilClosed();
    assert.equal(upstream.connections, 1);
    await completed((a) => upstream.send(makeExchange(), kept, a));
    assert.equal(two.connections.length, 1);
  });

  it('takes an unused connection from another peer when there are no more', async (t) => {
    const one = await startOrigin(answering(OK), { context: t });
    const two = await startOrigin(answering(OK), { context: t });
    const upstream = startUpstream(t, { connectionsMax: 1 });
    await completed((a) => upstream.send(makeExchange(), makePeer(one.port), a));
    await turns();
    const attempt = await completed((a) => upstream.send(makeExchange(), makePeer(two.port), a));
    assert.equal(attempt.calls.at(-1), 'done');
    await (await one.connection(0)).untilClosed();
    assert.equal(upstream.connections, 1);
  });

  it('refuses at once when the line is full, and those who waited too long', async (t) => {
    const origin = await startOrigin(() => {}, { context: t });
    const upstream = startUpstream(t, { connectionsMax: 1, pendingMax: 2, pendingTimeoutMs: 50 });
    const peer = makePeer(origin.port);
    const attempts = Array.from({ length: 4 }, () => {
      const attempt = new RecordingAttempt();
      upstream.send(makeExchange(), peer, attempt);
      return attempt;
    });
    assert.deepEqual(attempts[3]!.calls, ['failure queue_full']);
    assert.equal(upstream.pending, 2);
    for (const attempt of attempts.slice(1, 3)) {
      await attempt.over();
      assert.deepEqual(attempt.calls, ['failure queue_timeout']);
    }
    assert.deepEqual(attempts[0]!.calls, []);
    assert.equal(upstream.pending, 0);
  });

  it('closes a connection after its share of requests, and at its age', async (t) => {
    for (const keepAlive of [
      { idleMs: 60_000, requestsMax: 2, ageMs: 60_000 },
      { idleMs: 60_000, requestsMax: 100, ageMs: 1 },
    ]) {
      const origin = await startOrigin(answering(OK), { context: t });
      const upstream = startUpstream(t, { keepAlive });
      const peer = makePeer(origin.port);
      for (let turn = 0; turn < 4; turn++) {
        const attempt = await completed((a) => upstream.send(makeExchange(), peer, a));
        assert.equal(attempt.calls.at(-1), 'done');
        // Older than its age, and free again.
        await new Promise((resolve) => setTimeout(resolve, 10));
        await turns();
      }
      assert.equal(origin.connections.length, keepAlive.requestsMax === 2 ? 2 : 4);
    }
  });

  it('closes what is idle when drained, finishes what runs, and still serves the last ones', async (t) => {
    const origin = await startOrigin(
      onEachRequest(async (connection, { target }) => {
        if (target === '/slow') await until(() => isReleased, { what: 'the test lets go' });
        await connection.send(OK);
      }),
      { context: t },
    );
    let isReleased = false;
    const upstream = startUpstream(t);
    const peer = makePeer(origin.port);
    const slow = new RecordingAttempt();
    upstream.send(makeExchange({ target: '/slow' }), peer, slow);
    await completed((a) => upstream.send(makeExchange(), peer, a));
    await turns();
    assert.equal(upstream.connections, 2);
    upstream.drain();
    assert.equal(upstream.connections, 1);
    await (await origin.connection(1)).untilClosed();
    const late = await completed((a) => upstream.send(makeExchange(), peer, a));
    assert.equal(late.calls.at(-1), 'done');
    isReleased = true;
    await slow.over();
    assert.equal(slow.calls.at(-1), 'done');
    await until(() => upstream.connections === 0, { what: 'nothing is left' });
    await (await origin.connection(0)).untilClosed();
  });

  it('fails everything with draining when closed', async (t) => {
    const origin = await startOrigin(() => {}, { context: t });
    const upstream = startUpstream(t, { connectionsMax: 1 });
    const peer = makePeer(origin.port);
    const attempts = Array.from({ length: 3 }, () => {
      const attempt = new RecordingAttempt();
      upstream.send(makeExchange(), peer, attempt);
      return attempt;
    });
    await origin.requestCount(1);
    upstream.close();
    for (const attempt of attempts) {
      await attempt.over();
      assert.deepEqual(attempt.calls, ['failure draining']);
    }
    await (await origin.connection(0)).untilClosed();
  });
});
