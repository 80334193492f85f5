// Copies for a shadow upstream: what is copied, when it goes out, what is given up, and that nothing of it
// touches the live exchange.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { Peer } from '../../../src/core/peer.ts';
import type { Mirror } from '../../../src/core/plan.ts';
import type { RequestBody } from '../../../src/core/request-body.ts';
import type { Attempt, Upstream } from '../../../src/core/upstream.ts';
import { RoundRobin } from '../../../src/worker/balance/round-robin.ts';
import { Mirrors } from '../../../src/worker/mirror.ts';
import { makeExchange, makePeers, makePlan, RecordingSink } from './support/exchanges.ts';

/** Takes attempts and answers none. */
class Shadow implements Upstream {
  readonly sent: { exchange: Exchange; peer: Peer; attempt: Attempt }[] = [];

  send(exchange: Exchange, peer: Peer, attempt: Attempt): void {
    this.sent.push({ exchange, peer, attempt });
  }
}

function setUp({ ratio = 1, random = (): number => 0, inFlightMax = 2, peerCount = 1 } = {}) {
  const calls: string[] = [];
  const mirrors = new Mirrors(
    {
      touched: (peer) => calls.push(`touched ${peer.inFlight}`),
      succeeded: () => calls.push('succeeded'),
      failed: (_peer, error) => calls.push(`failed ${error?.code ?? 'status'}`),
      erred: () => {},
    },
    random,
    inFlightMax,
  );
  const upstream = new Shadow();
  const peers = makePeers(...new Array<number>(peerCount).fill(1));
  const plan = makePlan({ upstream, balancer: new RoundRobin(peers) });
  const mirror: Mirror = { plan, ratio };
  return { mirrors, mirror, upstream, calls, peers };
}

function withBody(body: Partial<RequestBody>) {
  return makeExchange({ method: 'POST', target: '/a?b', body: body as RequestBody });
}

describe('Mirrors', () => {
  it('sends a copy of the request after the live turn is over', async () => {
    const { mirrors, mirror, upstream, peers } = setUp();
    const live = makeExchange({ target: '/a?b', headers: ['x-a', '1'] });
    live.requestId = 'id-1';
    const copy = mirrors.copy(live, mirror)!;
    mirrors.settle(copy, true);
    assert.equal(upstream.sent.length, 0);
    await nextTurn();
    const { exchange, peer } = upstream.sent[0]!;
    assert.equal(peer, peers[0]!.peer);
    assert.notEqual(exchange, live);
    assert.equal(exchange.target, '/a?b');
    assert.deepEqual(exchange.requestHeaders, ['x-a', '1']);
    assert.equal(exchange.requestId, 'id-1');
    assert.equal(exchange.plan, mirror.plan);
    assert.deepEqual(mirrors.counters, { sent: 1, dropped: 0 });
    assert.equal(live.attempts, 0);
    assert.equal(live.peer, null);
  });

  it('takes along a body that is held as a whole, as it was then', async () => {
    const { mirrors, mirror, upstream } = setUp();
    const bytes = Buffer.from('payload');
    const copy = mirrors.copy(withBody({ complete: bytes, byteLength: 7 }), mirror)!;
    bytes.fill(0);
    mirrors.settle(copy, true);
    await nextTurn();
    const body = upstream.sent[0]!.exchange.requestBody!;
    const sink = new RecordingSink();
    body.pipe(sink);
    assert.equal(sink.bytes, 'payload');
    assert.equal(sink.state, 'ended');
    assert.equal(body.byteLength, 7);
    assert.equal(body.replayable, true);
  });

  it('gives up requests whose body is not held, and WebSockets', () => {
    const { mirrors, mirror } = setUp();
    assert.equal(mirrors.copy(withBody({ complete: null, byteLength: 9 }), mirror), null);
    assert.deepEqual(mirrors.counters, { sent: 0, dropped: 1 });
    const offer = { protocols: [], accept() {} };
    assert.equal(mirrors.copy(makeExchange({ webSocket: offer }), mirror), null);
  });

  it('gives up what the live peer did not answer as a whole', async () => {
    const { mirrors, mirror, upstream } = setUp();
    mirrors.settle(mirrors.copy(makeExchange(), mirror)!, false);
    await nextTurn();
    assert.equal(upstream.sent.length, 0);
    assert.deepEqual(mirrors.counters, { sent: 0, dropped: 1 });
  });

  it('has at most so many on their way, each until its answer is over', async () => {
    const { mirrors, mirror, upstream } = setUp({ inFlightMax: 2 });
    const first = mirrors.copy(makeExchange(), mirror)!;
    const second = mirrors.copy(makeExchange(), mirror)!;
    assert.equal(mirrors.copy(makeExchange(), mirror), null);
    mirrors.settle(first, true);
    mirrors.settle(second, false);
    await nextTurn();
    assert.notEqual(mirrors.copy(makeExchange(), mirror), null);
    assert.equal(mirrors.copy(makeExchange(), mirror), null);
    upstream.sent[0]!.attempt.onDone(null);
    assert.notEqual(mirrors.copy(makeExchange(), mirror), null);
  });

  it('copies the share that is asked for', () => {
    let next = 0;
    const { mirrors, mirror } = setUp({
      ratio: 0.25,
      random: () => (next++ % 100) / 100,
      inFlightMax: 1000,
    });
    let copies = 0;
    for (let at = 0; at < 400; at++) if (mirrors.copy(makeExchange(), mirror) !== null) copies += 1;
    assert.equal(copies, 100);
  });

  it('counts attempts and outcomes at the shadow peer', async () => {
    const { mirrors, mirror, upstream, calls, peers } = setUp();
    mirrors.settle(mirrors.copy(makeExchange(), mirror)!, true);
    mirrors.settle(mirrors.copy(makeExchange(), mirror)!, true);
    await nextTurn();
    assert.equal(peers[0]!.peer.inFlight, 2);
    const [one, other] = upstream.sent;
    one!.exchange.status = 200;
    one!.attempt.onHead({ pause() {}, resume() {}, cancel() {} });
    one!.attempt.onDone(null);
    other!.attempt.onFailure(new ProxyError('connect_failed'));
    assert.equal(peers[0]!.peer.inFlight, 0);
    assert.equal(peers[0]!.peer.failures, 1);
    assert.deepEqual(calls, [
      'touched 1',
      'touched 2',
      'succeeded',
      'touched 1',
      'touched 0',
      'failed connect_failed',
    ]);
  });

  it('gives up when the shadow has no peer', async () => {
    const { mirrors, mirror, peers } = setUp();
    peers[0]!.peer.healthy = false;
    mirrors.settle(mirrors.copy(makeExchange(), mirror)!, true);
    await nextTurn();
    assert.deepEqual(mirrors.counters, { sent: 0, dropped: 1 });
  });

  it('holds against the shadow peer what would be held against a live one', async () => {
    const { mirrors, mirror, upstream, calls, peers } = setUp();
    const { peer } = peers[0]!;
    for (const status of [404, 500, 503]) {
      mirrors.settle(mirrors.copy(makeExchange(), mirror)!, true);
      await nextTurn();
      const { exchange, attempt } = upstream.sent.at(-1)!;
      exchange.status = status;
      attempt.onHead({ pause() {}, resume() {}, cancel() {} });
      attempt.onDone(null);
    }
    const told = calls.filter((call) => !call.startsWith('touched'));
    assert.deepEqual(told, ['succeeded', 'succeeded', 'failed status']);
    assert.deepEqual([peer.answers, peer.errors, peer.failures], [3, 2, 1]);
    assert.equal(peer.group.guard.answers, 0, 'no client waited for it');
  });
});
