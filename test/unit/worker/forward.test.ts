// Attempts and retries: which failures are repeated, on whom, how often, and who gets the blame.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../src/core/errors.ts';
import type { Exchange } from '../../../src/core/exchange.ts';
import { headerValue } from '../../../src/core/headers.ts';
import type { Peer } from '../../../src/core/peer.ts';
import type { Plan, RetryPolicy } from '../../../src/core/plan.ts';
import type { RequestBody } from '../../../src/core/request-body.ts';
import type { Source } from '../../../src/core/sink.ts';
import type { Tunnel } from '../../../src/core/tunnel.ts';
import type { Attempt, Upstream } from '../../../src/core/upstream.ts';
import { RoundRobin } from '../../../src/worker/balance/round-robin.ts';
import { type ForwardContext, forward } from '../../../src/worker/forward.ts';
import type { PeerReports } from '../../../src/worker/hold.ts';
import { Mirrors } from '../../../src/worker/mirror.ts';
import { until } from '../../support/deadline.ts';
import { makeExchange, makePeers, makePlan, RecordingSink } from './support/exchanges.ts';

const retry: RetryPolicy = {
  retriesMax: 1,
  backoffBaseMs: 1,
  backoffMaxMs: 1,
  budgetRatio: 0.2,
  budgetMin: 3,
};

/** Reports as told, in order: an error code, or a status. */
class ScriptedUpstream implements Upstream {
  readonly peers: Peer[] = [];
  attempt: Attempt | null = null;
  readonly #script: (ProxyError | number | 'hang')[];

  constructor(...script: (ProxyError | number | 'hang')[]) {
    this.#script = script;
  }

  send(exchange: Exchange, peer: Peer, attempt: Attempt): void {
    this.peers.push(peer);
    this.attempt = attempt;
    const outcome = this.#script.shift() ?? 200;
    if (outcome === 'hang') return;
    if (outcome instanceof ProxyError) {
      attempt.onFailure(outcome);
      return;
    }
    exchange.status = outcome;
    exchange.responseHeaders = ['server', 'secret/1.0', 'x-kept', '1'];
    exchange.responseByteLength = 2;
    const source = { pause() {}, resume() {}, cancel() {} };
    const sink = attempt.onHead(source);
    sink.start(source);
    sink.write(Buffer.from('ok'));
    sink.end();
    attempt.onDone(null);
  }
}

interface Run {
  method?: string;
  body?: Partial<RequestBody>;
  plan?: Partial<Plan>;
  peers?: number;
  /** Retries of the upstream that run at other workers, and attempts. */
  elsewhere?: { retries: number; attempts: number };
  context?: Partial<ForwardContext>;
}

function makeContext(failed: Peer[] = []): ForwardContext {
  const peers: PeerReports = {
    touched() {},
    succeeded() {},
    failed: (peer) => failed.push(peer),
    erred() {},
  };
  return {
    exchangesRunning: 1,
    hedges: 0,
    hedgesWon: 0,
    retries: 0,
    random: () => 1,
    mirrors: new Mirrors(peers, () => 0),
    peers,
  };
}

function run(upstream: Upstream, options: Run = {}) {
  const failed: Peer[] = [];
  const context = { ...makeContext(failed), ...options.context };
  const configs = makePeers(...new Array<number>(options.peers ?? 3).fill(1));
  const { retries, attempts } = options.elsewhere ?? { retries: 0, attempts: 0 };
  for (const { peer } of configs) {
    peer.group.guard.inFlightElsewhere = retries;
    peer.group.inFlightElsewhere = attempts;
  }
  const plan = makePlan({ upstream, balancer: new RoundRobin(configs), retry, ...options.plan });
  const client = new RecordingSink();
  const body = options.body === undefined ? null : (options.body as RequestBody);
  const exchange = makeExchange({ method: options.method ?? 'GET', body }, client);
  exchange.plan = plan;
  forward(exchange, plan, context);
  const over = () => until(() => client.state === 'ended', { what: 'the answer' });
  return { exchange, client, context, configs, failed, over };
}

const connectFailed = new ProxyError('connect_failed');
const peerReset = new ProxyError('peer_reset');

describe('forward', () => {
  it('passes the answer on without what names the backend', async () => {
    const { exchange, client, over, configs } = run(new ScriptedUpstream(200));
    await over();
    assert.equal(client.bytes, 'ok');
    assert.deepEqual(exchange.responseHeaders, ['x-kept', '1']);
    assert.ok(configs.every(({ peer }) => peer.inFlight === 0));
  });

  it('repeats a failed connection on another peer, whatever the method', async () => {
    const upstream = new ScriptedUpstream(connectFailed, 200);
    const { exchange, over, failed, context } = run(upstream, { method: 'POST' });
    await over();
    assert.equal(exchange.status, 200);
    assert.equal(exchange.attempts, 2);
    assert.notEqual(upstream.peers[0], upstream.peers[1]);
    assert.deepEqual(failed, [upstream.peers[0]]);
    assert.equal(upstream.peers[0]!.group.guard.inFlight, 0, 'no retry runs any more');
    assert.equal(context.retries, 1);
  });

  it('repeats a reset only when the method is idempotent', async () => {
    const get = run(new ScriptedUpstream(peerReset, 200));
    await get.over();
    assert.equal(get.exchange.status, 200);
    const post = run(new ScriptedUpstream(peerReset, 200), { method: 'POST' });
    await post.over();
    assert.equal(post.exchange.status, 502);
    assert.equal(post.exchange.attempts, 1);
  });

  it('repeats no request whose body is gone', async () => {
    const held = { replayable: true, release() {} };
    const gone = { replayable: false, release() {} };
    const first = run(new ScriptedUpstream(connectFailed, 200), { method: 'PUT', body: held });
    await first.over();
    assert.equal(first.exchange.status, 200);
    const second = run(new ScriptedUpstream(connectFailed, 200), { method: 'PUT', body: gone });
    await second.over();
    assert.equal(second.exchange.status, 502);
  });

  it('answers with the last failure when the retries or the peers are used up', async () => {
    const tries = run(new ScriptedUpstream(connectFailed, peerReset, 200));
    await tries.over();
    assert.equal(tries.exchange.failure?.code, 'peer_reset');
    const alone = run(new ScriptedUpstream(connectFailed, 200), { peers: 1 });
    await alone.over();
    assert.equal(alone.exchange.status, 502);
    assert.equal(alone.exchange.failure?.code, 'connect_failed');
  });

  it('repeats nothing beyond the budget, which all workers share', async () => {
    for (const [retries, attempts, status] of [
      [2, 0, 200],
      [3, 0, 502],
      [3, 13, 502],
      [3, 15, 200],
      [20, 99, 502],
      [19, 99, 200],
    ] as const) {
      const upstream = new ScriptedUpstream(connectFailed, 200);
      const { exchange, over } = run(upstream, { elsewhere: { retries, attempts } });
      await over();
      assert.equal(exchange.status, status, `${retries} of ${attempts}`);
    }
  });

  it('waits a little for the budget, as when a peer dies with all that it holds', async () => {
    let waits = 0;
    // The budget has room again after the first wait that found it spent.
    const random = () => {
      waits += 1;
      if (waits === 2) guard.inFlightElsewhere = 2;
      return 1;
    };
    const upstream = new ScriptedUpstream(connectFailed, 200);
    const elsewhere = { retries: 3, attempts: 0 };
    const { exchange, configs, context, over } = run(upstream, { elsewhere, context: { random } });
    const { guard } = configs[0]!.peer.group;
    await over();
    assert.equal(exchange.status, 200);
    assert.deepEqual([waits, context.retries, exchange.attempts], [2, 1, 2]);
  });

  it('counts outcomes: attempts at their peer, the exchange once at the upstream', async () => {
    const retried = run(new ScriptedUpstream(connectFailed, 200));
    await retried.over();
    const { guard } = retried.configs[0]!.peer.group;
    const counts = retried.configs.map(({ peer }) => [peer.answers, peer.errors]);
    assert.deepEqual(counts.sort(), [
      [0, 0],
      [1, 0],
      [1, 1],
    ]);
    assert.deepEqual([guard.answers, guard.errors], [1, 0]);
    for (const outcome of [connectFailed, 500, 503]) {
      const failing = run(new ScriptedUpstream(outcome, connectFailed));
      await failing.over();
      const { answers, errors } = failing.configs[0]!.peer.group.guard;
      assert.deepEqual([answers, errors], [1, 1]);
    }
    const own = run(new ScriptedUpstream(new ProxyError('queue_full')));
    await own.over();
    assert.equal(own.configs[0]!.peer.group.guard.answers, 0, 'nothing was asked');
  });

  it('asks nobody while the breaker is open, and says when to come again', async () => {
    const upstream = new ScriptedUpstream(200);
    const breaker = { refuse: () => new ProxyError('breaker_open', '', 7) };
    const { exchange, over } = run(upstream, { plan: { breaker } });
    await over();
    assert.equal(exchange.status, 503);
    assert.equal(headerValue(exchange.responseHeaders, 'retry-after'), '7');
    assert.equal(upstream.peers.length, 0);
  });

  it('never blames the peer for what the client did', async () => {
    const { exchange, over, failed } = run(
      new ScriptedUpstream(new ProxyError('body_too_large'), 200),
    );
    await over();
    assert.equal(exchange.status, 413);
    assert.deepEqual(failed, []);
  });

  it('answers 503 when there is no peer', async () => {
    const { exchange, over } = run(new ScriptedUpstream(), { peers: 0 });
    await over();
    assert.equal(exchange.status, 503);
    assert.equal(exchange.failure?.code, 'no_peer');
  });

  it('blames a peer that answers 503 and passes the answer on', async () => {
    const { exchange, over, failed } = run(new ScriptedUpstream(503));
    await over();
    assert.equal(exchange.status, 503);
    assert.equal(failed.length, 1);
  });

  describe('with statuses that count like failed attempts', () => {
    const plan = { failingStatuses: new Set([429, 500]) };

    it('replaces such an answer, and blames the peer', async () => {
      const upstream = new ScriptedUpstream(500, 200);
      const { exchange, client, failed, configs, over } = run(upstream, { plan });
      await over();
      assert.equal(exchange.status, 200);
      assert.equal(client.bytes, 'ok');
      assert.deepEqual(failed, [upstream.peers[0]]);
      assert.notEqual(upstream.peers[0], upstream.peers[1]);
      assert.ok(configs.every(({ peer }) => peer.inFlight === 0));
      const { answers, errors } = configs[0]!.peer.group.guard;
      assert.deepEqual([answers, errors], [1, 0], 'the exchange went well');
    });

    it('passes the answer on where no other may follow', async () => {
      const cases: [what: string, script: number[], options: Run][] = [
        ['not idempotent', [500, 200], { method: 'POST' }],
        ['no other peer', [500, 200], { peers: 1 }],
        ['no budget', [500, 200], { elsewhere: { retries: 3, attempts: 0 } }],
        ['no retries', [500, 200], { plan: { ...plan, retry: null } }],
      ];
      for (const [what, script, options] of cases) {
        const upstream = new ScriptedUpstream(...script);
        const { exchange, client, failed, over } = run(upstream, { plan, ...options });
        await over();
        assert.equal(exchange.status, 500, what);
        assert.equal(client.bytes, 'ok', what);
        assert.equal(exchange.failure, null, what);
        assert.deepEqual(failed, upstream.peers, what);
      }
      const twice = run(new ScriptedUpstream(429, 429), { plan });
      await twice.over();
      assert.equal(twice.exchange.status, 429);
      assert.equal(twice.exchange.failure, null);
      assert.equal(twice.failed.length, 2);
      const { answers, errors } = twice.configs[0]!.peer.group.guard;
      assert.deepEqual([answers, errors], [1, 1]);
    });

    it('lets go of a body that is too long to be read', async () => {
      let cancelled = 0;
      const upstream: Upstream = {
        send(exchange, _peer, attempt) {
          const isFirst = exchange.attempts === 1;
          const source: Source = {
            pause() {},
            resume() {},
            cancel() {
              cancelled += 1;
              attempt.onDone(new ProxyError('client_closed'));
            },
          };
          exchange.status = isFirst ? 500 : 200;
          exchange.responseByteLength = -1;
          const sink = attempt.onHead(source);
          sink.start(source);
          for (let at = 0; isFirst && cancelled === 0 && at < 100; at++) {
            sink.write(Buffer.alloc(1024));
          }
          if (isFirst) return;
          sink.end();
          attempt.onDone(null);
        },
      };
      const { exchange, client, over } = run(upstream, { plan });
      await over();
      assert.equal(exchange.status, 200);
      assert.equal(client.bytes, '');
      assert.equal(cancelled, 1);
    });
  });

  it('starts no further attempt after the client left during the back-off', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const upstream = new ScriptedUpstream(connectFailed, 200);
    const { exchange, client } = run(upstream);
    exchange.running!.cancel(new ProxyError('client_closed'));
    t.mock.timers.tick(1000);
    assert.equal(upstream.peers.length, 1);
    assert.equal(client.state, 'idle');
  });

  it('lets go of a tunnel that has ended, and counts how long the upgrade took', () => {
    const source = { pause() {}, resume() {}, cancel() {} };
    const tunnel: Tunnel = {
      send: (_, __, attempt) => {
        attempt.onUpgraded(source);
        assert.equal(exchange.running, source);
        attempt.onDone(null);
      },
    };
    const webSocket = { protocols: [], accept() {} };
    const [peer] = makePeers(1);
    const exchange = makeExchange({ webSocket }, new RecordingSink());
    exchange.plan = makePlan({ tunnel, balancer: { pick: () => peer!.peer } });
    forward(exchange, exchange.plan, makeContext());
    assert.equal(exchange.running, null);
    assert.equal(peer!.peer.inFlight, 0);
    assert.equal(peer!.peer.headTimes.count, 1);
  });

  it('attaches stages so that the peer’s stand before the client’s, in the order of the list', async () => {
    const order: string[] = [];
    const stage = (name: string) => ({
      name,
      attach: (_: Exchange, next: RecordingSink) => ({
        start: (source: never) => next.start(source),
        write: (chunk: Uint8Array) => {
          order.push(name);
          return next.write(chunk);
        },
        end: () => next.end(),
        fail: () => next.fail(),
      }),
    });
    const { over } = run(new ScriptedUpstream(200), {
      plan: {
        peerStages: [stage('p1'), stage('p2')] as never,
        clientStages: [stage('c1')] as never,
      },
    });
    await over();
    assert.deepEqual(order, ['p1', 'p2', 'c1']);
  });
});
