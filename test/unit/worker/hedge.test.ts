// Two attempts of one exchange: who wins, who is cancelled, who is blamed, and when there is only one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { Hedgeable, Hedging } from '../../../src/core/hedging.ts';
import type { Peer } from '../../../src/core/peer.ts';
import type { Plan, RetryPolicy } from '../../../src/core/plan.ts';
import type { RequestBody } from '../../../src/core/request-body.ts';
import type { Sink, Source } from '../../../src/core/sink.ts';
import type { Attempt, Upstream } from '../../../src/core/upstream.ts';
import { RoundRobin } from '../../../src/worker/balance/round-robin.ts';
import { type ForwardContext, forward } from '../../../src/worker/forward.ts';
import { releasePeer } from '../../../src/worker/hold.ts';
import { Mirrors } from '../../../src/worker/mirror.ts';
import { until } from '../../support/deadline.ts';
import { makeExchange, makePeers, makePlan, RecordingSink } from './support/exchanges.ts';

/** An attempt that a test ends by hand, by the rules of a transport. */
class ManualAttempt implements Source {
  readonly exchange: Exchange;
  readonly peer: Peer;
  readonly attempt: Attempt;
  isCancelled = false;
  #sink: Sink | null = null;

  constructor(exchange: Exchange, peer: Peer, attempt: Attempt) {
    this.exchange = exchange;
    this.peer = peer;
    this.attempt = attempt;
    exchange.running = this;
  }

  answer(body: string, status = 200): void {
    assert.equal(this.isCancelled, false);
    this.exchange.status = status;
    this.exchange.responseHeaders = ['x-peer', this.peer.id];
    this.exchange.responseByteLength = body.length;
    this.#sink = this.attempt.onHead(this);
    this.#sink.start(this);
    this.#sink.write(Buffer.from(body));
    this.exchange.responseTrailers = ['x-of', this.peer.id];
    this.#sink.end();
    this.attempt.onDone(null);
  }
  fail(error: ProxyError): void {
    assert.equal(this.isCancelled, false);
    this.exchange.running = null;
    this.attempt.onFailure(error);
  }
  pause(): void {}
  resume(): void {}
  cancel(): void {
    this.isCancelled = true;
    if (this.exchange.running === this) this.exchange.running = null;
  }
}

class ManualUpstream implements Upstream {
  readonly sent: ManualAttempt[] = [];
  send(exchange: Exchange, peer: Peer, attempt: Attempt): void {
    this.sent.push(new ManualAttempt(exchange, peer, attempt));
  }
}

/** A clock that strikes when told. */
class ManualClock implements Hedging {
  budget = { budgetRatio: 0.2, budgetMin: 3 };
  readonly watched: Hedgeable[] = [];
  readonly samples: number[] = [];
  watch(exchange: Hedgeable): void {
    this.watched.push(exchange);
  }
  sample(timeMs: number): void {
    this.samples.push(timeMs);
  }
  strike(): void {
    for (const each of this.watched) each.hedge();
  }
}

const retry: RetryPolicy = {
  retriesMax: 1,
  backoffBaseMs: 1,
  backoffMaxMs: 1,
  budgetRatio: 0.2,
  budgetMin: 3,
};
const peerReset = new ProxyError('peer_reset');

function run(options: { method?: string; body?: Partial<RequestBody>; plan?: Partial<Plan> } = {}) {
  const reports = { failed: [] as Peer[], succeeded: [] as Peer[] };
  const peers = {
    touched() {},
    succeeded: (peer: Peer) => reports.succeeded.push(peer),
    failed: (peer: Peer) => reports.failed.push(peer),
    erred() {},
  };
  const context: ForwardContext = {
    exchangesRunning: 1,
    retries: 0,
    hedges: 0,
    hedgesWon: 0,
    peers,
    mirrors: new Mirrors(peers, () => 0),
    random: () => 1,
  };
  const configs = makePeers(1, 1, 1);
  const upstream = new ManualUpstream();
  const clock = new ManualClock();
  const balancer = new RoundRobin(configs);
  const plan = makePlan({
    upstream,
    balancer,
    retry,
    hedging: clock,
    samplesLatency: true,
    ...options.plan,
  });
  const client = new RecordingSink();
  const body = (options.body ?? null) as RequestBody | null;
  const exchange = makeExchange({ method: options.method ?? 'GET', body }, client);
  exchange.plan = plan;
  forward(exchange, plan, context);
  const [first] = upstream.sent as [ManualAttempt];
  const checkReleased = () => {
    releasePeer(exchange, context);
    for (const { peer } of configs) assert.equal(peer.inFlight, 0, peer.id);
    assert.equal(first.peer.group.inFlight, 0);
    assert.equal(first.peer.group.guard.inFlight, 0, 'no retry runs any more');
  };
  return { exchange, client, context, upstream, clock, first, reports, checkReleased };
}

describe('hedging', () => {
  it('waits on for the first attempt when the second answers with a failing status', () => {
    const plan = { failingStatuses: new Set([500]) };
    const { exchange, client, context, upstream, clock, first, reports, checkReleased } = run({
      plan,
    });
    clock.strike();
    const [, second] = upstream.sent as [ManualAttempt, ManualAttempt];
    second.answer('broken', 500);
    assert.equal(client.state, 'idle');
    assert.equal(exchange.running, first);
    first.answer('good');
    assert.equal(client.bytes, 'good');
    assert.equal(exchange.peer, first.peer);
    assert.equal(context.hedgesWon, 0);
    assert.deepEqual(reports.failed, [second.peer]);
    checkReleased();
  });

  it('begins a second attempt at another peer, and the first head wins: the second one', () => {
    const { exchange, client, context, upstream, clock, first, reports, checkReleased } = run();
    clock.strike();
    const [, second] = upstream.sent as [ManualAttempt, ManualAttempt];
    assert.notEqual(second.peer, first.peer);
    assert.equal(first.peer.group.guard.inFlight, 1, 'it counts against the budget');
    second.answer('second');
    assert.equal(first.isCancelled, true);
    assert.equal(client.bytes, 'second');
    assert.equal(exchange.status, 200);
    assert.equal(exchange.peer, second.peer);
    assert.deepEqual(exchange.responseHeaders, ['x-peer', second.peer.id]);
    assert.deepEqual(reports, { failed: [], succeeded: [second.peer] });
    assert.deepEqual([context.hedges, context.hedgesWon], [1, 1]);
    assert.equal(clock.samples.length, 2, 'the first one took at least so long');
    checkReleased();
  });

  it('passes on the trailers of the attempt that has won', () => {
    const { exchange, clock, upstream } = run();
    clock.strike();
    const [, second] = upstream.sent as [ManualAttempt, ManualAttempt];
    second.answer('good');
    assert.deepEqual(exchange.responseTrailers, ['x-of', second.peer.id]);
  });

  it('lets the first one win, and blames nobody', () => {
    const { client, context, upstream, clock, first, reports, checkReleased } = run();
    clock.strike();
    first.answer('first');
    assert.equal(upstream.sent[1]!.isCancelled, true);
    assert.equal(client.bytes, 'first');
    assert.deepEqual(reports, { failed: [], succeeded: [first.peer] });
    assert.deepEqual([context.hedges, context.hedgesWon], [1, 0]);
    checkReleased();
  });

  it('goes on with the other when one of them fails', () => {
    for (const failing of [0, 1]) {
      const { client, upstream, clock, reports, checkReleased } = run();
      clock.strike();
      const attempts = upstream.sent as [ManualAttempt, ManualAttempt];
      attempts[failing]!.fail(peerReset);
      assert.equal(client.state, 'idle', 'nothing is said yet');
      attempts[1 - failing]!.answer('other');
      assert.equal(client.bytes, 'other');
      assert.deepEqual(reports.failed, [attempts[failing]!.peer]);
      assert.equal(upstream.sent.length, 2, 'no retry beside it');
      checkReleased();
    }
  });

  it('answers with the failure when both fail, the retry being used up', () => {
    for (const failing of [0, 1]) {
      const { exchange, upstream, clock, reports, checkReleased } = run();
      clock.strike();
      const attempts = upstream.sent as [ManualAttempt, ManualAttempt];
      attempts[failing]!.fail(peerReset);
      attempts[1 - failing]!.fail(peerReset);
      if (failing === 1) continue;
      assert.equal(exchange.status, 502);
      assert.equal(reports.failed.length, 2);
      checkReleased();
    }
  });

  it('retries after a second attempt that failed alone', async () => {
    const { client, upstream, clock, first, checkReleased } = run();
    clock.strike();
    upstream.sent[1]!.fail(peerReset);
    first.fail(peerReset);
    await until(() => upstream.sent.length === 3, { what: 'the retry' });
    upstream.sent[2]!.answer('third');
    assert.equal(client.bytes, 'third');
    checkReleased();
  });

  it('cancels both when the client leaves, at any time', () => {
    for (const failFirst of [false, true]) {
      const { exchange, upstream, clock, first, checkReleased } = run();
      clock.strike();
      if (failFirst) first.fail(peerReset);
      exchange.running!.cancel(new ProxyError('client_closed'));
      assert.equal(first.isCancelled, !failFirst);
      assert.equal(upstream.sent[1]!.isCancelled, true);
      checkReleased();
    }
  });

  it('begins nothing that is of no use or not allowed', () => {
    const bodies: [string, Partial<RequestBody>][] = [
      ['PUT', { complete: null, replayable: true }],
      ['POST', { complete: Buffer.from('x'), replayable: true }],
    ];
    for (const [method, body] of bodies) {
      const { clock, upstream } = run({ method, body });
      clock.strike();
      assert.equal(upstream.sent.length, 1, method);
    }
    const answered = run();
    answered.first.answer('ok');
    answered.clock.strike();
    assert.equal(answered.upstream.sent.length, 1, 'it is answered');
    const left = run();
    left.exchange.finished = true;
    left.clock.strike();
    assert.equal(left.upstream.sent.length, 1, 'the client has left');
    const poor = run();
    poor.first.peer.group.guard.inFlightElsewhere = 3;
    poor.clock.strike();
    assert.equal(poor.upstream.sent.length, 1, 'the budget is spent');
    const { clock, upstream, first } = run();
    first.fail(new ProxyError('connect_failed'));
    clock.strike();
    assert.equal(upstream.sent.length, 1, 'a retry is waiting');
  });

  it('sends a complete body twice', () => {
    const complete = Buffer.from('body');
    const body = { complete, byteLength: 4, replayable: true, release() {} };
    const { clock, upstream } = run({ method: 'PUT', body });
    clock.strike();
    const again = upstream.sent[1]!.exchange.requestBody!;
    assert.deepEqual(Buffer.from(again.complete!), complete);
    assert.equal(again.byteLength, 4);
    let piped = '';
    again.pipe({
      start() {},
      write: (chunk) => {
        piped += Buffer.from(chunk).toString();
        return true;
      },
      end() {
        piped += '.';
      },
      fail() {},
    });
    assert.equal(piped, 'body.');
  });
});
