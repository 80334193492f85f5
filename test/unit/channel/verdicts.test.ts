// Checks, outliers and breakers in the shared state, command by command; histories are in test/sim.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { apply, type Command, nextDueMs } from '../../../src/channel/apply-command.ts';
import { diff, settle } from '../../../src/channel/diff-state.ts';
import { downFlag, ejectedFlag, openFlag, rampFlag } from '../../../src/channel/messages.ts';
import { OwnVerdict } from '../../../src/channel/own-verdict.ts';
import { isHealthy, reasonOf } from '../../../src/channel/peer-health.ts';
import { createSharedState, type UpstreamSpec } from '../../../src/channel/shared-state.ts';

const ejection = { failuresInRow: 5, baseMs: 10_000, maxMs: 300_000 };
const outlier = { deviations: 1.9, peersMin: 5, requestsMin: 100, windowMs: 10_000 };
const breaker = { windowMs: 1000, requestsMin: 10, errorPercent: 50, openMs: 500, rampMs: 200 };

function specOf(peers: number, change: Partial<UpstreamSpec> = {}): UpstreamSpec {
  return {
    name: 'app',
    peers: Array.from({ length: peers }, (_, at) => `app/${at}`),
    ejection,
    checks: { fall: 2, rise: 2 },
    outlier,
    breaker: null,
    ...change,
  };
}

class Bench {
  readonly state = createSharedState();
  readonly #peers: number;
  nowMs = 10_000;
  #sequence = 0;

  /** Every worker calls peer `app/N` by N and the upstream by the number after them. */
  constructor(spec: UpstreamSpec, workers = 2) {
    this.#peers = spec.peers.length;
    this.install(spec);
    for (let worker = 0; worker < workers; worker++) {
      this.do({ kind: 'join', worker, slot: worker });
      const ids = [...spec.peers, 'app/'];
      this.do({ kind: 'peers', worker, sequence: this.#next(), first: 0, ids });
      this.tell(worker);
    }
    settle(this.state);
  }

  get guard(): number {
    return this.#peers;
  }

  do(command: Command): void {
    apply(this.state, command, this.nowMs);
  }

  install(spec: UpstreamSpec): void {
    this.do({ kind: 'install', upstreams: [spec] });
  }

  check(at: number, good: boolean, times = 1): void {
    for (let turn = 0; turn < times; turn++) {
      this.do({ kind: 'check', peer: `app/${at}`, good, why: 'status 500' });
    }
  }

  count(worker: number, lists: Partial<Extract<Command, { kind: 'counters' }>>): void {
    const none = { inFlight: [], outcomes: [], ejected: [], down: [], traffic: [] };
    const sequence = this.#next();
    this.do({ ...none, baseline: false, sequence, ...lists, kind: 'counters', worker });
  }

  tell(worker: number): number[] {
    return diff(this.state, worker, this.nowMs).flatMap((report) => report.health);
  }

  get healthy(): string[] {
    const { peers } = this.state.upstreams.get('app')!;
    return peers.filter(isHealthy).map(({ id }) => id);
  }

  reason(at: number): string {
    return reasonOf(this.state.peers.get(`app/${at}`)!);
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}

describe('checks', () => {
  test('take a peer out for all workers, and bring it back, with the reason and since when', () => {
    const bench = new Bench(specOf(3));
    bench.check(1, false);
    assert.equal(bench.healthy.length, 3);
    bench.nowMs += 100;
    bench.check(1, false);
    assert.deepEqual(bench.healthy, ['app/0', 'app/2']);
    assert.equal(bench.reason(1), 'check: status 500');
    assert.equal(bench.state.peers.get('app/1')!.verdictAtMs, bench.nowMs);
    for (const worker of [0, 1]) assert.deepEqual(bench.tell(worker), [1, downFlag, 0, 0]);
    bench.check(1, true, 2);
    assert.equal(bench.healthy.length, 3);
    assert.equal(bench.reason(1), '');
    for (const worker of [0, 1]) assert.deepEqual(bench.tell(worker), [1, 0, 0, 0]);
  });

  test('and traffic must both agree to a peer', () => {
    const bench = new Bench(specOf(4));
    bench.count(0, { outcomes: [1, 5, 0, 5] });
    bench.check(1, false, 2);
    assert.equal(bench.reason(1), 'check: status 500; 5 failures in a row');
    assert.deepEqual(bench.tell(0), [1, downFlag | ejectedFlag, 1, 10_000]);
    bench.check(1, true, 2);
    assert.equal(bench.reason(1), '5 failures in a row', 'a good check proves nothing to traffic');
    bench.check(1, false, 2);
    bench.nowMs += 10_000;
    bench.do({ kind: 'tick' });
    assert.equal(bench.reason(1), 'check: status 500');
  });

  test('may take all peers; ejections give way to the last one', () => {
    const bench = new Bench(specOf(2));
    bench.count(0, { outcomes: [0, 5, 0, 5] });
    assert.deepEqual(bench.healthy, ['app/1']);
    bench.check(1, false, 2);
    assert.deepEqual(bench.healthy, ['app/0'], 'the ejected one is all there is');
    bench.count(0, { outcomes: [0, 15, 0, 15] });
    assert.deepEqual(bench.healthy, ['app/0'], 'and stays');
    bench.check(0, false, 2);
    assert.deepEqual(bench.healthy, []);
  });

  test('of peers that nobody configured, or whose checks are off, are no matter', () => {
    const bench = new Bench(specOf(2));
    bench.do({ kind: 'check', peer: 'app/77', good: false, why: '' });
    bench.check(0, false, 2);
    bench.install(specOf(2, { checks: null }));
    assert.equal(bench.healthy.length, 2, 'turned off');
    bench.check(0, false, 9);
    assert.equal(bench.healthy.length, 2);
    bench.do({ kind: 'check', peer: 'app/', good: false, why: '' });
  });

  test('survive a configuration for peers that stay', () => {
    const bench = new Bench(specOf(3));
    bench.check(1, false, 2);
    bench.install(specOf(2));
    assert.deepEqual(bench.healthy, ['app/0']);
    bench.install(specOf(1));
    bench.install(specOf(2));
    assert.deepEqual(bench.healthy, ['app/0', 'app/1'], 'it was away');
  });

  test('are known to a new sidecar from its workers, until it knows better', () => {
    const bench = new Bench(specOf(3));
    bench.check(2, true);
    bench.count(0, { baseline: true, down: [1, 2] });
    assert.deepEqual(bench.healthy, ['app/0', 'app/2']);
    assert.equal(bench.reason(1), 'check: down before the sidecar started');
    bench.check(1, true, 2);
    assert.equal(bench.healthy.length, 3);
    bench.count(1, { baseline: true, down: [1, 77] });
    assert.equal(bench.healthy.length, 3, 'the later worker is behind');
  });
});

describe('success rates', () => {
  /** Each worker's answers and errors so far at five peers, `bad` the errors of the last one. */
  function traffic(bad: number): number[] {
    return [0, 1, 2, 3, 4].flatMap((peer) => [peer, 60, peer === 4 ? bad : 0]);
  }

  test('are those of all workers together', () => {
    const bench = new Bench(specOf(5));
    bench.count(0, { traffic: traffic(30) });
    assert.equal(bench.healthy.length, 5, '60 requests are too few');
    bench.nowMs += 1000;
    bench.count(1, { traffic: traffic(30) });
    assert.deepEqual(bench.healthy, ['app/0', 'app/1', 'app/2', 'app/3']);
    assert.equal(bench.reason(4), '50.0 % of the requests succeed, 90.0 % at the average peer');
    bench.nowMs += 10_000;
    bench.do({ kind: 'tick' });
    bench.nowMs += 1000;
    bench.count(0, { traffic: [0, 61, 0] });
    assert.equal(bench.healthy.length, 5, 'it starts anew');
  });

  test('count what is new, not what is told twice or was before a link', () => {
    const bench = new Bench(specOf(5));
    bench.count(0, { traffic: traffic(60), baseline: true });
    bench.count(1, { traffic: traffic(60), sequence: 1000 });
    bench.nowMs += 2000;
    bench.count(1, { traffic: traffic(60), sequence: 1000 });
    bench.count(0, { traffic: traffic(60) });
    assert.equal(bench.state.peers.get('app/4')!.traffic.sumAt(bench.nowMs).answers, 60);
    assert.equal(bench.healthy.length, 5);
  });
});

describe('breakers', () => {
  test('count all workers, and tell all of them how long', () => {
    const bench = new Bench(specOf(2, { breaker }));
    const { guard } = bench;
    bench.count(0, { traffic: [guard, 9, 9] });
    assert.deepEqual(bench.tell(1), []);
    bench.count(1, { traffic: [guard, 1, 1] });
    for (const worker of [0, 1]) assert.deepEqual(bench.tell(worker), [guard, openFlag, 700, 500]);
    assert.equal(nextDueMs(bench.state), bench.nowMs + 500);
    bench.nowMs += 500;
    bench.do({ kind: 'tick' });
    assert.deepEqual(bench.tell(0), [guard, rampFlag, 200, 0]);
    bench.nowMs += 200;
    bench.do({ kind: 'tick' });
    assert.deepEqual(bench.tell(0), [guard, 0, 0, 0]);
    assert.equal(nextDueMs(bench.state), Number.POSITIVE_INFINITY);
  });

  test('that opened again are told again, though they were open before', () => {
    const bench = new Bench(specOf(2, { breaker }));
    bench.count(0, { traffic: [bench.guard, 10, 10] });
    bench.tell(0);
    bench.nowMs += 600;
    bench.count(0, { traffic: [bench.guard, 20, 20] });
    assert.deepEqual(bench.tell(0), [bench.guard, openFlag, 700, 500]);
  });

  test('close when their settings change or they are turned off', () => {
    const bench = new Bench(specOf(2, { breaker }));
    bench.count(0, { traffic: [bench.guard, 10, 10] });
    bench.install(specOf(3, { breaker }));
    assert.deepEqual(bench.tell(0).slice(0, 2), [bench.guard, openFlag], 'peers are no matter');
    bench.install(specOf(2, { breaker: { ...breaker, openMs: 900 } }));
    assert.deepEqual(bench.tell(0), [bench.guard, 0, 0, 0]);
    bench.count(0, { traffic: [bench.guard, 20, 20] });
    bench.tell(0);
    bench.install(specOf(2));
    assert.deepEqual(bench.tell(0), [bench.guard, 0, 0, 0]);
  });

  test('that opened with other settings are told again, whoever missed that they were closed', () => {
    for (const between of [[], [specOf(2)]]) {
      const bench = new Bench(specOf(2, { breaker }));
      bench.count(0, { traffic: [bench.guard, 10, 10] });
      assert.deepEqual(bench.tell(0), [bench.guard, openFlag, 700, 500]);
      for (const spec of between) bench.install(spec);
      bench.install(specOf(2, { breaker: { ...breaker, openMs: 900 } }));
      bench.count(0, { traffic: [bench.guard, 20, 20] });
      assert.deepEqual(bench.tell(0), [bench.guard, openFlag, 1100, 900]);
    }
  });

  test('are known to a new sidecar from its workers', () => {
    const bench = new Bench(specOf(2, { breaker }));
    bench.count(0, { baseline: true, ejected: [bench.guard, 600, 400] });
    assert.deepEqual(bench.tell(1), [bench.guard, openFlag, 600, 400]);
    bench.count(1, { baseline: true, ejected: [bench.guard, 100, 0] });
    assert.equal(bench.state.upstreams.get('app')!.guard.breaker!.phase, 'open', 'it is behind');
  });

  test('do not mix retries of upstreams into the counters of peers', () => {
    const bench = new Bench(specOf(2));
    bench.count(0, { inFlight: [bench.guard, 3] });
    const reports = diff(bench.state, 1, bench.nowMs);
    assert.deepEqual(
      reports.flatMap((report) => report.inFlight),
      [bench.guard, 3],
    );
  });
});

describe("a worker's own verdict", () => {
  function worker(spec: UpstreamSpec): OwnVerdict {
    const own = new OwnVerdict();
    own.install([spec], 0);
    own.name(0, [...spec.peers, 'app/']);
    own.changes(0);
    return own;
  }

  test('follows what it is told, and tells a new sidecar', () => {
    const own = worker(specOf(4, { breaker }));
    own.follow([0, downFlag, 0, 0, 1, ejectedFlag, 2, 9000, 4, openFlag, 700, 500], 1000);
    assert.deepEqual(own.standing(1100), { ejected: [1, 2, 8900, 4, 600, 400], down: [0] });
    own.follow([0, 0, 0, 0, 1, 0, 2, 0, 4, 0, 0, 0], 1200);
    assert.deepEqual(own.standing(1200), { ejected: [], down: [] });
  });

  test('opens and closes a breaker by its own traffic', () => {
    const own = worker(specOf(2, { breaker }));
    own.takeTraffic([2, 1000, 1000], true, 1000);
    assert.deepEqual(own.changes(1000), [], 'where to count from');
    own.takeTraffic([2, 1010, 1010], false, 1100);
    assert.deepEqual(own.changes(1100), [2, openFlag, 700, 500]);
    assert.equal(own.dueMs, 1600);
    assert.deepEqual(own.changes(1600), [2, rampFlag, 200, 0]);
    assert.deepEqual(own.changes(1800), [2, 0, 0, 0]);
  });

  test('forgets in time what checks have found', () => {
    const own = worker(specOf(2));
    own.follow([0, downFlag, 0, 0], 1000);
    assert.deepEqual(own.all(1000), [0, downFlag, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
    own.forgetChecks(31_000);
    assert.deepEqual(own.changes(31_000), [0, 0, 0, 0]);
  });
});
