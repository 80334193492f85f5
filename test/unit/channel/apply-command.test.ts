// The shared state, command by command; its histories are in test/sim.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { apply, type Command, nextDueMs } from '../../../src/channel/apply-command.ts';
import { diff, postpone, settle } from '../../../src/channel/diff-state.ts';
import { ejectedFlag, groupsMax, suspectFlag } from '../../../src/channel/messages.ts';
import { isHealthy } from '../../../src/channel/peer-health.ts';
import {
  createSharedState,
  type SharedState,
  type UpstreamSpec,
} from '../../../src/channel/shared-state.ts';

const ejection = { failuresInRow: 5, baseMs: 10_000, maxMs: 300_000 };

function upstream(peers: number): UpstreamSpec {
  return {
    name: 'app',
    peers: Array.from({ length: peers }, (_, at) => `app/${at}`),
    ejection,
    checks: null,
    outlier: null,
    breaker: null,
  };
}

class Bench {
  readonly state: SharedState = createSharedState();
  nowMs = 1000;
  #sequence = 0;

  constructor(peers: number, workers: number) {
    this.do({ kind: 'install', upstreams: [upstream(peers)] });
    for (let worker = 0; worker < workers; worker++) {
      this.do({ kind: 'join', worker, slot: worker });
      this.do({
        kind: 'peers',
        worker,
        sequence: this.next(),
        first: 0,
        ids: upstream(peers).peers,
      });
    }
  }

  next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  do(command: Command): void {
    apply(this.state, command, this.nowMs);
  }

  count(
    worker: number,
    lists: { inFlight?: number[]; outcomes?: number[]; ejected?: number[]; sequence?: number },
  ): void {
    this.do({
      kind: 'counters',
      worker,
      sequence: this.next(),
      baseline: false,
      inFlight: [],
      outcomes: [],
      ejected: [],
      down: [],
      traffic: [],
      ...lists,
    });
  }

  /** What one worker is told in a round of its own. */
  tell(worker: number): { inFlight: number[]; health: number[] } {
    const reports = diff(this.state, worker, this.nowMs);
    return {
      inFlight: reports.flatMap((report) => report.inFlight),
      health: reports.flatMap((report) => report.health),
    };
  }

  round(workers: number): void {
    for (let worker = 0; worker < workers; worker++) this.tell(worker);
    settle(this.state);
  }

  healthy(): string[] {
    const peers = [...this.state.peers.values()].filter((peer) => peer.guards === null);
    return peers.filter(isHealthy).map((peer) => peer.id);
  }
}

describe('counters of the shared state', () => {
  test('reach every other worker, as the total without its own', () => {
    const bench = new Bench(2, 3);
    bench.round(3);
    bench.count(0, { inFlight: [0, 4] });
    bench.count(1, { inFlight: [0, 2, 1, 1] });
    assert.deepEqual(bench.tell(0).inFlight, [0, 2, 1, 1]);
    assert.deepEqual(bench.tell(1).inFlight, [0, 4]);
    assert.deepEqual(bench.tell(2).inFlight, [0, 6, 1, 1]);
    settle(bench.state);
    assert.deepEqual(bench.tell(2).inFlight, [], 'and only once');
  });

  test('that come twice or late change nothing', () => {
    const bench = new Bench(1, 2);
    bench.count(0, { inFlight: [0, 4], sequence: 100 });
    bench.count(0, { inFlight: [0, 9], sequence: 99 });
    bench.count(0, { inFlight: [0, 9], sequence: 100 });
    assert.equal(bench.state.peers.get('app/0')!.inFlight, 4);
  });

  test('of a worker that leaves go at once', () => {
    const bench = new Bench(1, 2);
    bench.count(0, { inFlight: [0, 4] });
    bench.round(2);
    bench.do({ kind: 'leave', worker: 0 });
    assert.deepEqual(bench.tell(1).inFlight, [0, 0]);
  });

  test('of peers that stay survive a configuration, others end with their last worker', () => {
    const bench = new Bench(2, 1);
    bench.count(0, { inFlight: [0, 3, 1, 5] });
    bench.do({ kind: 'install', upstreams: [upstream(1)] });
    assert.equal(bench.state.peers.get('app/0')!.inFlight, 3);
    assert.equal(bench.state.peers.get('app/1')!.inFlight, 5, 'its attempts still run');
    bench.do({ kind: 'peers', worker: 0, sequence: bench.next(), first: 1, ids: [''] });
    assert.equal(bench.state.peers.has('app/1'), false);
  });

  test('make up for rounds that a worker was left out of', () => {
    const bench = new Bench(1, 2);
    bench.round(2);
    bench.count(0, { inFlight: [0, 4] });
    postpone(bench.state, 1);
    settle(bench.state);
    bench.count(0, { inFlight: [0, 5] });
    settle(bench.state);
    assert.deepEqual(bench.tell(1).inFlight, [0, 5]);
  });

  test('of unknown workers and numbers are ignored', () => {
    const bench = new Bench(1, 1);
    bench.count(7, { inFlight: [0, 4] });
    bench.count(0, { inFlight: [9, 4], outcomes: [9, 5, 0, 5], ejected: [9, 1, 1000] });
    bench.do({ kind: 'leave', worker: 7 });
    assert.equal(bench.state.peers.get('app/0')!.inFlight, 0);
    assert.deepEqual([...bench.state.peers.keys()], ['app/0', 'app/']);
    assert.deepEqual(diff(bench.state, 7, 0), []);
  });

  test('of very many peers are told in reports that fit a frame', () => {
    const bench = new Bench(groupsMax + 1, 1);
    const reports = diff(bench.state, 0, 0);
    assert.equal(reports.length, 2);
    assert.equal(reports.flatMap((report) => report.inFlight).length, (groupsMax + 1) * 2);
    assert.ok(reports.every((report) => report.inFlight.length <= groupsMax * 2));
  });
});

describe('passive ejection', () => {
  test('follows failures in a row over all workers', () => {
    const bench = new Bench(4, 2);
    bench.round(2);
    bench.count(0, { outcomes: [2, 3, 0, 3] });
    assert.deepEqual(
      bench.tell(1).health,
      [2, suspectFlag, 0, 0],
      'a success is worth telling now',
    );
    bench.count(1, { outcomes: [2, 2, 0, 2] });
    assert.deepEqual(bench.healthy(), ['app/0', 'app/1', 'app/3']);
    assert.deepEqual(bench.tell(1).health, [2, ejectedFlag, 1, 10_000]);
    assert.equal(nextDueMs(bench.state), bench.nowMs + 10_000);
  });

  test('does not follow failures with a success between them, wherever that was', () => {
    const bench = new Bench(4, 2);
    bench.count(0, { outcomes: [2, 4, 0, 4] });
    bench.count(1, { outcomes: [2, 0, 1, 0] });
    bench.count(0, { outcomes: [2, 8, 0, 8] });
    assert.equal(bench.healthy().length, 4);
    bench.count(0, { outcomes: [2, 9, 0, 9] });
    assert.equal(bench.healthy().length, 3);
  });

  test('ends by itself and grows with each time', () => {
    const bench = new Bench(4, 1);
    bench.count(0, { outcomes: [0, 5, 0, 5] });
    bench.nowMs += 9_999;
    bench.do({ kind: 'tick' });
    assert.equal(bench.healthy().length, 3);
    bench.nowMs += 1;
    bench.do({ kind: 'tick' });
    assert.equal(bench.healthy().length, 4);
    bench.count(0, { outcomes: [0, 10, 0, 10] });
    assert.equal(nextDueMs(bench.state), bench.nowMs + 20_000);
  });

  test('takes at most half of the peers and never the only one', () => {
    for (const [peers, left] of [
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 2],
      [5, 3],
    ] as const) {
      const bench = new Bench(peers, 1);
      for (let peer = 0; peer < peers; peer++) bench.count(0, { outcomes: [peer, 9, 0, 9] });
      assert.equal(bench.healthy().length, left, `of ${peers}`);
    }
  });

  test('comes as soon as there is room for a peer that goes on failing', () => {
    const bench = new Bench(2, 1);
    bench.count(0, { outcomes: [0, 5, 0, 5, 1, 5, 0, 5] });
    assert.deepEqual(bench.healthy(), ['app/1']);
    bench.nowMs += 10_000;
    bench.do({ kind: 'tick' });
    bench.count(0, { outcomes: [1, 6, 0, 6] });
    assert.deepEqual(bench.healthy(), ['app/0']);
  });

  test('is taken back where a new configuration leaves too few peers', () => {
    const bench = new Bench(4, 1);
    bench.count(0, { outcomes: [0, 5, 0, 5, 1, 5, 0, 5] });
    bench.do({ kind: 'install', upstreams: [upstream(2)] });
    assert.equal(
      bench.healthy().length,
      3,
      'one of the two, and the two that only the worker names',
    );
    bench.do({ kind: 'install', upstreams: [upstream(1)] });
    assert.equal(bench.healthy().length, 4);
    assert.equal(nextDueMs(bench.state), Number.POSITIVE_INFINITY);
  });

  test('counts a baseline once: a new sidecar neither adds it up nor forgets it', () => {
    const bench = new Bench(4, 3);
    for (const worker of [0, 1]) {
      bench.do({
        kind: 'counters',
        worker,
        sequence: bench.next(),
        baseline: true,
        inFlight: [],
        outcomes: [2, 50, 9, 3],
        ejected: [],
        down: [],
        traffic: [],
      });
    }
    assert.equal(bench.state.peers.get('app/2')!.ejection.run, 3);
    bench.count(0, { outcomes: [2, 52, 9, 5] });
    assert.equal(bench.healthy().length, 3);
  });

  test('that another process ordered is taken over, once and for what is left of it', () => {
    const bench = new Bench(4, 2);
    bench.count(0, { ejected: [3, 2, 7000], sequence: 1000 });
    bench.nowMs += 6000;
    bench.count(0, { ejected: [3, 2, 7000], sequence: 1000 });
    bench.nowMs += 1000;
    bench.do({ kind: 'tick' });
    assert.equal(bench.healthy().length, 4);
    assert.equal(bench.state.peers.get('app/3')!.ejection.times, 2);
  });
});
