// A small world for the simulation: workers with real ledgers, one sidecar with the real shared state,
// and pipes between them that delay, repeat and break. Random, but only by its seed.

import assert from 'node:assert/strict';
import { apply } from '../../src/channel/apply-command.ts';
import { diff, postpone, settle } from '../../src/channel/diff-state.ts';
import { Ledger } from '../../src/channel/ledger.ts';
import type { Counters, PeerNames, Report } from '../../src/channel/messages.ts';
import { OwnVerdict } from '../../src/channel/own-verdict.ts';
import { parseSidecarMessage, parseWorkerMessage } from '../../src/channel/parse-message.ts';
import { isEjected, isHealthy } from '../../src/channel/peer-health.ts';
import {
  createSharedState,
  type SharedState,
  type UpstreamSpec,
} from '../../src/channel/shared-state.ts';
import { Peer, PeerGroup } from '../../src/core/peer.ts';
import { createSeededRandom, type SeededRandom } from '../support/random.ts';

type Command = PeerNames | Counters;

const upstreamNames = ['a', 'b'];

interface Pipe {
  readonly up: Command[];
  readonly delivered: Command[];
  readonly down: Report[];
}

class SimWorker {
  readonly generation: number;
  readonly slot: number;
  readonly ledger = new Ledger();
  readonly own = new OwnVerdict();
  /** By id, those of the current configuration. */
  peers = new Map<string, Peer>();
  readonly groups = new Map(upstreamNames.map((name) => [name, new PeerGroup(name)]));
  /** Every peer object that still has attempts or is configured. */
  readonly all = new Set<Peer>();
  /** Every peer object ever. */
  readonly known = new Set<Peer>();
  pipe: Pipe | null = null;

  constructor(generation: number, slot: number) {
    this.generation = generation;
    this.slot = slot;
  }

  install(specs: readonly UpstreamSpec[], atMs: number): void {
    const before = this.peers;
    this.peers = new Map();
    for (const { name, peers, breaker } of specs) {
      const group = this.groups.get(name)!;
      group.guard.isWatched = breaker !== null;
      for (const id of peers) {
        const address = {
          scheme: 'http',
          hostname: id,
          port: 80,
          authority: id,
          path: null,
        } as const;
        this.peers.set(id, before.get(id) ?? new Peer(id, name, address, group));
      }
    }
    for (const peer of this.all) if (peer.inFlight === 0) this.all.delete(peer);
    for (const peer of this.peers.values()) this.all.add(peer);
    for (const peer of this.all) this.known.add(peer);
    this.own.install(specs, atMs);
    for (const number of this.ledger.track([...this.peers.values()])) {
      this.own.name(number, [this.ledger.idOf(number)]);
    }
  }

  send(messages: readonly Command[]): void {
    for (const message of messages) {
      assert.notEqual(parseWorkerMessage(message), null, 'the ledger writes valid messages');
      if (message.kind === 'peers') this.own.name(message.first, message.ids);
      this.pipe!.up.push(message);
    }
  }

  /** The link is gone: from here on it judges by itself. */
  goAlone(nowMs: number): void {
    this.pipe = null;
    this.own.takeTraffic(this.ledger.allTraffic(), true, nowMs);
    this.ledger.follow(this.own.all(nowMs), nowMs);
  }

  judgeAlone(nowMs: number): void {
    this.own.takeTraffic(this.ledger.traffic(nowMs), false, nowMs);
    this.ledger.follow(this.own.changes(nowMs), nowMs);
  }
}

export class World {
  readonly random: SeededRandom;
  nowMs = 1;
  state: SharedState = createSharedState();
  workers: SimWorker[] = [];
  #generations = 0;
  #specs: UpstreamSpec[] = [];
  /** Share of requests and checks that go badly. */
  #badness = 0.5;

  constructor(seed: number) {
    this.random = createSeededRandom(seed);
    this.#reload();
    const count = 1 + this.random.below(5);
    for (let slot = 0; slot < count; slot++) this.#fork(slot);
  }

  /** One random event, and the checks that hold at any moment. */
  step(): void {
    const { random } = this;
    this.nowMs += random.below(3);
    const worker = random.pick(this.workers);
    const roll = random.below(1000);
    if (roll < 300) this.#traffic(worker);
    else if (roll < 330) this.#retry(worker);
    else if (roll < 350) this.#check();
    else if (roll < 550) this.#flush(worker);
    else if (roll < 700) this.#deliverUp(worker);
    else if (roll < 800) this.#round();
    else if (roll < 930) this.#deliverDown(worker);
    else if (roll < 960) this.#connect(worker);
    else if (roll < 970) this.#loseLink(worker);
    else if (roll < 978) this.#killWorker(worker);
    else if (roll < 983) this.#killSidecar();
    else if (roll < 990) this.#reload();
    else this.nowMs += random.below(2000);
    this.checkAlways();
  }

  /** Lets everything arrive: all linked, nothing under way, nothing left to say. */
  quiesce(): void {
    for (const worker of this.workers) {
      if (worker.pipe === null) this.#connect(worker);
      worker.install(this.#specs, this.nowMs);
      for (const peer of worker.all) {
        if (worker.peers.get(peer.id) === peer) continue;
        while (peer.inFlight > 0) this.#finish(worker, peer);
      }
    }
    apply(this.state, { kind: 'install', upstreams: this.#specs }, this.nowMs);
    for (let turn = 0; turn < 20; turn++) {
      for (const worker of this.workers) {
        this.#flush(worker);
        while (worker.pipe!.up.length > 0) this.#deliverUp(worker);
      }
      this.#round(true);
      for (const worker of this.workers) {
        while (worker.pipe!.down.length > 0) this.#deliverDown(worker);
      }
    }
  }

  checkAlways(): void {
    for (const peer of this.state.peers.values()) {
      let sum = 0;
      let cells = 0;
      for (const worker of this.state.workers.values()) {
        const cell = worker.cellOf.get(peer);
        if (cell === undefined) continue;
        sum += cell.inFlight;
        cells += 1;
      }
      assert.equal(peer.inFlight, sum, 'a total is the sum of its cells');
      assert.equal(peer.cells, cells, 'cells are counted');
    }
    for (const { peers, ejected, spec } of this.state.upstreams.values()) {
      assert.equal(ejected, peers.filter(isEjected).length);
      assert.ok(ejected * 2 <= peers.length, 'at most half are ejected');
      const areDown = peers.every(({ check }) => check.state === 'down');
      assert.ok(areDown || peers.some(isHealthy), 'ejections never take the last one');
      if (spec.checks === null) assert.ok(peers.every(({ check }) => check.state !== 'down'));
    }
    for (const worker of this.workers) {
      for (const { inFlightElsewhere } of worker.all) assert.ok(inFlightElsewhere >= 0);
      for (const group of worker.groups.values()) {
        const peers = [...worker.known].filter((peer) => peer.group === group);
        const sum = peers.reduce((total, peer) => total + peer.inFlightElsewhere, 0);
        assert.equal(group.inFlightElsewhere, sum, 'a group is the sum of its peers');
      }
    }
  }

  /** Everybody knows the truth, and nobody has anything to say. */
  checkQuiet(): void {
    for (const worker of this.workers) {
      assert.deepEqual(worker.ledger.take(this.nowMs), [], 'a quiet worker says nothing');
      assert.deepEqual(
        diff(this.state, worker.generation, this.nowMs),
        [],
        'nor is it told anything',
      );
      for (const peer of worker.peers.values()) {
        const elsewhere = this.workers
          .filter((other) => other !== worker)
          .reduce((sum, other) => sum + (other.peers.get(peer.id)?.inFlight ?? 0), 0);
        assert.equal(peer.inFlightElsewhere, elsewhere, `${peer.id} at worker ${worker.slot}`);
        const shared = this.state.peers.get(peer.id)!;
        assert.equal(peer.healthy, isHealthy(shared), `health of ${peer.id}`);
        assert.equal(peer.failuresInRow > 0, shared.ejection.run > 0, `suspicion of ${peer.id}`);
      }
    }
    for (const worker of this.workers) this.#checkGuards(worker);
    assert.equal(this.state.workers.size, this.workers.length, 'nobody is counted who is gone');
    const installed = this.#specs.flatMap(({ name, peers }) => [...peers, `${name}/`]);
    assert.deepEqual(
      [...this.state.peers.keys()].sort(),
      installed.sort(),
      'no peer is kept unused',
    );
  }

  #checkGuards(worker: SimWorker): void {
    for (const [name, { guard }] of worker.groups) {
      const elsewhere = this.workers
        .filter((other) => other !== worker)
        .reduce((sum, other) => sum + other.groups.get(name)!.guard.inFlight, 0);
      assert.equal(guard.inFlightElsewhere, elsewhere, `retries of ${name}`);
      const { openUntilMs, rampUntilMs } = guard;
      const phase =
        openUntilMs > this.nowMs ? 'open' : rampUntilMs > this.nowMs ? 'ramp' : 'closed';
      const shared = this.state.upstreams.get(name)!.guard.breaker?.phase ?? 'closed';
      assert.equal(phase, shared, `breaker of ${name} at worker ${worker.slot}`);
    }
  }

  #fork(slot: number): void {
    this.#generations += 1;
    const worker = new SimWorker(this.#generations, slot);
    worker.install(this.#specs, this.nowMs);
    this.workers.push(worker);
  }

  #traffic(worker: SimWorker): void {
    const { random } = this;
    const peer = random.pick([...worker.all]);
    if (peer.inFlight > 0 && random.next() < 0.5) {
      this.#finish(worker, peer);
      // As if a few more had gone the same way: success rates need numbers.
      const count = 5 + random.below(30);
      const isBad = random.next() < this.#badnessOf(peer.id);
      for (const counted of [peer, peer.group.guard]) {
        counted.answers += count;
        counted.errors += isBad ? count : 0;
      }
      if (isBad) this.#judged(worker, worker.ledger.failed(peer));
      else if (peer.failuresInRow > 0) this.#judged(worker, worker.ledger.succeeded(peer));
    } else if (worker.peers.get(peer.id) === peer) {
      peer.inFlight += 1;
      worker.ledger.touched(peer);
    }
  }

  #judged(worker: SimWorker, outcome: ReturnType<Ledger['failed']>): void {
    if (outcome === null) return;
    worker.own.judge(outcome, this.nowMs);
    if (worker.pipe === null) worker.judgeAlone(this.nowMs);
  }

  #retry(worker: SimWorker): void {
    const { guard } = worker.groups.get(this.random.pick(upstreamNames))!;
    guard.inFlight += guard.inFlight > 0 && this.random.next() < 0.5 ? -1 : 1;
    worker.ledger.touched(guard);
  }

  /** The first peer is always worse than the others. */
  #badnessOf(id: string): number {
    return id.endsWith('/0') ? this.#badness : this.#badness / 4;
  }

  /** Whatever the sidecar asks about, its configuration may be an older one by then. */
  #check(): void {
    const peer = this.random.pick([...this.state.peers.keys()]);
    const good = this.random.next() > this.#badnessOf(peer);
    apply(this.state, { kind: 'check', peer, good, why: 'test' }, this.nowMs);
  }

  #finish(worker: SimWorker, peer: Peer): void {
    peer.inFlight -= 1;
    worker.ledger.touched(peer);
    if (peer.inFlight === 0 && worker.peers.get(peer.id) !== peer) worker.all.delete(peer);
  }

  #flush(worker: SimWorker): void {
    if (worker.pipe !== null) worker.send(worker.ledger.take(this.nowMs));
  }

  /** Frames of one link arrive in order; any that arrived before may come again. */
  #deliverUp(worker: SimWorker): void {
    const message = worker.pipe?.up.shift();
    if (message === undefined) return;
    const again = this.random.next() < 0.1 && worker.pipe!.delivered.length > 0;
    const messages = again ? [message, this.random.pick(worker.pipe!.delivered)] : [message];
    worker.pipe!.delivered.push(message);
    for (const each of messages) {
      apply(this.state, { ...each, worker: worker.generation }, this.nowMs);
    }
  }

  #round(everybody = false): void {
    apply(this.state, { kind: 'tick' }, this.nowMs);
    for (const worker of this.workers) {
      if (worker.pipe === null) continue;
      if (!everybody && this.random.next() < 0.2) postpone(this.state, worker.generation);
      else worker.pipe.down.push(...diff(this.state, worker.generation, this.nowMs));
    }
    settle(this.state);
  }

  #deliverDown(worker: SimWorker): void {
    const report = worker.pipe?.down.shift();
    if (report === undefined) return;
    assert.notEqual(parseSidecarMessage(report), null, 'reports are valid messages');
    worker.own.follow(worker.ledger.apply(report, this.nowMs), this.nowMs);
  }

  #connect(worker: SimWorker): void {
    // A new link while the sidecar has not seen the end of the old one, now and then.
    if (worker.pipe !== null && this.random.next() < 0.7) return;
    worker.pipe = { up: [], delivered: [], down: [] };
    apply(this.state, { kind: 'join', worker: worker.generation, slot: worker.slot }, this.nowMs);
    worker.send(worker.ledger.begin(worker.own.standing(this.nowMs)));
  }

  #loseLink(worker: SimWorker): void {
    if (worker.pipe === null) return;
    apply(this.state, { kind: 'leave', worker: worker.generation }, this.nowMs);
    worker.goAlone(this.nowMs);
    if (this.random.next() < 0.5) worker.ledger.fade();
    if (this.random.next() < 0.2) worker.own.forgetChecks(this.nowMs);
  }

  #killWorker(worker: SimWorker): void {
    this.workers = this.workers.filter((other) => other !== worker);
    apply(this.state, { kind: 'leave', worker: worker.generation }, this.nowMs);
    this.#fork(worker.slot);
  }

  #killSidecar(): void {
    this.state = createSharedState();
    apply(this.state, { kind: 'install', upstreams: this.#specs }, this.nowMs);
    for (const worker of this.workers) worker.goAlone(this.nowMs);
  }

  /** A new configuration reaches the sidecar and the workers at different times, or not yet. */
  #reload(): void {
    const { random } = this;
    const failuresInRow = random.below(2) * 3;
    const ejection = { failuresInRow, baseMs: 200, maxMs: 1000 };
    const breaker = {
      windowMs: 2000,
      requestsMin: 40,
      errorPercent: 25,
      openMs: 20 + random.below(2) * 60,
      rampMs: random.below(3) * 150,
    };
    this.#badness = 0.3 + random.next() * 0.7;
    this.#specs = upstreamNames.map((name) => ({
      name,
      peers: Array.from(
        { length: 1 + random.below(6) },
        (_, at) => `${name}/${at + random.below(2)}`,
      )
        .filter((id, at, ids) => ids.indexOf(id) === at)
        .sort(),
      ejection,
      checks: random.next() < 0.7 ? { fall: 2, rise: 2 } : null,
      outlier: { deviations: 1, peersMin: 3, requestsMin: 10, windowMs: 8000 },
      breaker: random.next() < 0.7 ? breaker : null,
    }));
    apply(this.state, { kind: 'install', upstreams: this.#specs }, this.nowMs);
    for (const worker of this.workers) {
      if (random.next() < 0.7) worker.install(this.#specs, this.nowMs);
    }
  }
}
