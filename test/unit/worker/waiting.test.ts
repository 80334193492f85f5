// Exchanges whose peers are full: they wait in the queue as part of forwarding; and what forwarding tells
// balancers about times to the response head.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { Peer } from '../../../src/core/peer.ts';
import type { Plan, RetryPolicy } from '../../../src/core/plan.ts';
import type { Attempt, Upstream } from '../../../src/core/upstream.ts';
import { PeerQueue } from '../../../src/worker/balance/queue.ts';
import { RoundRobin } from '../../../src/worker/balance/round-robin.ts';
import { type ForwardContext, forward } from '../../../src/worker/forward.ts';
import { Mirrors } from '../../../src/worker/mirror.ts';
import { until } from '../../support/deadline.ts';
import { makeExchange, makePeers, makePlan, RecordingSink } from './support/exchanges.ts';

const retry: RetryPolicy = {
  retriesMax: 1,
  backoffBaseMs: 0,
  backoffMaxMs: 0,
  budgetRatio: 0.2,
  budgetMin: 3,
};

/** Holds every attempt until a test answers it. */
class HeldUpstream implements Upstream {
  readonly held: { exchange: Exchange; peer: Peer; attempt: Attempt }[] = [];

  send(exchange: Exchange, peer: Peer, attempt: Attempt): void {
    this.held.push({ exchange, peer, attempt });
  }

  answer(at: number): void {
    const { exchange, attempt } = this.held[at]!;
    exchange.status = 200;
    exchange.responseHeaders = [];
    const source = { pause() {}, resume() {}, cancel() {} };
    const sink = attempt.onHead(source);
    sink.start(source);
    sink.end();
    attempt.onDone(null);
  }
}

function setUp({ peerCount = 1, plan = {} as Partial<Plan>, pendingMax = 10 } = {}) {
  const peers = makePeers(...new Array<number>(peerCount).fill(1)).map((config) => ({
    ...config,
    connectionsMax: 1,
  }));
  const clock = { nowMs: 0 };
  const queue = new PeerQueue(
    peers[0]!.peer.group,
    { peers, pendingMax, pendingTimeoutMs: 1000 },
    { nowMs: () => clock.nowMs, soon: (callback) => setImmediate(callback), busy: new Set() },
  );
  const reports = { touched() {}, succeeded() {}, failed() {}, erred() {} };
  const context: ForwardContext = {
    exchangesRunning: 1,
    hedges: 0,
    hedgesWon: 0,
    retries: 0,
    random: () => 1,
    mirrors: new Mirrors(reports, () => 0),
    peers: reports,
  };
  const upstream = new HeldUpstream();
  const complete = makePlan({ upstream, balancer: new RoundRobin(peers), queue, retry, ...plan });
  const begin = (target: string) => {
    const exchange = makeExchange({ target }, new RecordingSink());
    exchange.plan = complete;
    forward(exchange, complete, context);
    return exchange;
  };
  const targets = () => upstream.held.map(({ exchange }) => exchange.target);
  const arrived = (count: number) =>
    until(() => upstream.held.length === count, { what: `${count} attempts` });
  return { peers, queue, clock, upstream, begin, targets, arrived };
}

describe('forward to full peers', () => {
  it('waits and goes on in order when attempts end', async () => {
    const { upstream, begin, targets, arrived, queue } = setUp();
    for (const target of ['/1', '/2', '/3']) begin(target);
    assert.deepEqual(targets(), ['/1']);
    assert.equal(queue.length, 2);
    upstream.answer(0);
    await arrived(2);
    upstream.answer(1);
    await arrived(3);
    assert.deepEqual(targets(), ['/1', '/2', '/3']);
    assert.equal(queue.isBusy, false);
  });

  it('lets nobody overtake who waits', async () => {
    const { upstream, begin, targets, arrived, peers } = setUp();
    begin('/1');
    begin('/2');
    upstream.answer(0);
    // The peer has room now, and the queue has not had its turn yet.
    assert.equal(peers[0]!.peer.inFlight, 0);
    begin('/3');
    assert.deepEqual(targets(), ['/1']);
    await arrived(2);
    assert.deepEqual(targets(), ['/1', '/2']);
  });

  it('answers 503 with Retry-After when the queue is full or the wait too long', () => {
    const { begin, queue, clock } = setUp({ pendingMax: 1 });
    begin('/1');
    const waiting = begin('/2');
    const refused = begin('/3');
    assert.equal(refused.failure?.code, 'queue_full');
    assert.equal(refused.status, 503);
    assert.equal(refused.responseHeaders[refused.responseHeaders.indexOf('retry-after') + 1], '1');
    assert.equal(waiting.failure, null);
    clock.nowMs = 1000;
    queue.sweep(clock.nowMs);
    assert.equal(waiting.failure!.code, 'queue_timeout');
    assert.equal(waiting.status, 503);
  });

  it('forgets a client that leaves while it waits', async () => {
    const { begin, upstream, targets, arrived, queue } = setUp();
    begin('/1');
    const leaving = begin('/2');
    begin('/3');
    leaving.running!.cancel(new ProxyError('client_closed'));
    assert.equal(queue.length, 1);
    upstream.answer(0);
    await arrived(2);
    assert.deepEqual(targets(), ['/1', '/3']);
  });

  it('does not wait when no peer is merely full', () => {
    const { begin, peers } = setUp();
    peers[0]!.peer.healthy = false;
    assert.equal(begin('/1').failure?.code, 'no_peer');
  });

  it('lets a retry wait for a peer that it has not tried, and tells the first failure if none comes', async () => {
    const { begin, upstream, queue, clock } = setUp({ peerCount: 2 });
    begin('/long');
    const exchange = begin('/retry');
    upstream.held[1]!.attempt.onFailure(new ProxyError('connect_failed'));
    await until(() => queue.isBusy, { what: 'the retry waits' });
    clock.nowMs = 1000;
    queue.sweep(clock.nowMs);
    assert.equal(exchange.failure?.code, 'connect_failed');
  });
});

describe('times to the response head', () => {
  it('are counted for all peers and averaged where the balancer goes by them', () => {
    for (const samplesLatency of [true, false]) {
      const { begin, upstream, peers } = setUp({ plan: { samplesLatency } });
      begin('/1');
      const startedAtMs = performance.now();
      while (performance.now() - startedAtMs < 5);
      upstream.answer(0);
      const averageMs = peers[0]!.peer.latency.valueAt(performance.now());
      assert.ok(samplesLatency ? averageMs > 4 : averageMs === 0, `${averageMs}`);
      const { headTimes } = peers[0]!.peer;
      assert.equal(headTimes.count, 1);
      assert.ok(headTimes.sumMs >= 5, `${headTimes.sumMs}`);
    }
  });

  it('count a timeout by its length and a refusal not at all', () => {
    for (const [code, isCounted] of [
      ['head_timeout', true],
      ['connect_failed', false],
    ] as const) {
      const { begin, upstream, peers } = setUp({ plan: { samplesLatency: true, retry: null } });
      begin('/1');
      upstream.held[0]!.attempt.onFailure(new ProxyError(code));
      const averageMs = peers[0]!.peer.latency.valueAt(performance.now());
      assert.equal(averageMs > 0, isCounted, code);
      assert.equal(peers[0]!.peer.headTimes.count, isCounted ? 1 : 0, code);
    }
  });
});
