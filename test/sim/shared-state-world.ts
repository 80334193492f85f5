// A small world for the simulation: workers with real ledgers, one sidecar with the real shared state,
// and pipes between them that delay, repeat and break. Random, but only by its seed.

import assert from 'node:assert/strict';
import { apply, type UpstreamSpec } from '../../src/channel/apply-command.ts';
import { diff, postpone, settle } from '../../src/channel/diff-state.ts';
import { Ledger } from '../../src/channel/ledger.ts';
import type { Counters, PeerNames, Report } from '../../src/channel/messages.ts';
import { OwnVerdict } from '../../src/channel/own-verdict.ts';
import { parseSidecarMessage, parseWorkerMessage } from '../../src/channel/parse-message.ts';
import { isHealthy } from '../../src/channel/peer-health.ts';
import { createSharedState, type SharedState } from '../../src/channel/shared-state.ts';
import { Peer } from '../../src/core/peer.ts';
import { createSeededRandom, type SeededRandom } from '../support/random.ts';

type Command = PeerNames | Counters;

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
  /** Every peer object that still has attempts or is configured. */
  readonly all = new Set<Peer>();
  pipe: Pipe | null = null;

  constructor(generation: number, slot: number) {
    this.generation = generation;
    this.slot = slot;
  }

  install(specs: readonly UpstreamSpec[], atMs: number): void {
    const before = this.peers;
    this.peers = new Map();
    for (const { name, peers } of specs) {
      for (const id of peers) {
        const address = { scheme: 'http', hostname: id, port: 80, authority: id } as const;
        this.peers.set(id, before.get(id) ?? new Peer(id, name, address));
      }
    }
    for (const peer of this.all) if (peer.inFlight === 0) this.all.delete(peer);
    for (const peer of this.peers.values()) this.all.add(peer);
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
}

export class World {
  readonly random: SeededRandom;
  nowMs = 1;
  state: SharedState = createSharedState();
  workers: SimWorker[] = [];
  #generations = 0;
  #specs: UpstreamSpec[] = [];

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
    if (roll < 350) this.#traffic(worker);
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
    for (const { peers, ejected } of this.state.upstreams.values()) {
      assert.equal(ejected, peers.filter((peer) => !isHealthy(peer)).length);
      assert.ok(ejected * 2 <= peers.length, 'at most half are ejected');
    }
    for (const worker of this.workers) {
      for (const { inFlightElsewhere } of worker.all) assert.ok(inFlightElsewhere >= 0);
    }
  }

  /** Everybody knows the truth, and nobody has anything to say. */
  checkQuiet(): void {
    for (const worker of this.workers) {
      assert.deepEqual(worker.ledger.take(), [], 'a quiet worker says nothing');
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
    assert.equal(this.state.workers.size, this.workers.length, 'nobody is counted who is gone');
    const installed = this.#specs.flatMap((spec) => spec.peers);
    assert.deepEqual(
      [...this.state.peers.keys()].sort(),
      installed.sort(),
      'no peer is kept unused',
    );
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
      if (random.next() < 0.4) this.#judged(worker, worker.ledger.failed(peer));
      else if (peer.failuresInRow > 0) this.#judged(worker, worker.ledger.succeeded(peer));
    } else if (worker.peers.get(peer.id) === peer) {
      peer.inFlight += 1;
      worker.ledger.touched(peer);
    }
  }

  #judged(worker: SimWorker, outcome: ReturnType<Ledger['failed']>): void {
    if (outcome === null) return;
    worker.own.judge(outcome, this.nowMs);
    if (worker.pipe === null) worker.ledger.follow(worker.own.changes(this.nowMs));
  }

  #finish(worker: SimWorker, peer: Peer): void {
    peer.inFlight -= 1;
    worker.ledger.touched(peer);
    if (peer.inFlight === 0 && worker.peers.get(peer.id) !== peer) worker.all.delete(peer);
  }

  #flush(worker: SimWorker): void {
    if (worker.pipe !== null) worker.send(worker.ledger.take());
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
    worker.own.follow(worker.ledger.apply(report), this.nowMs);
  }

  #connect(worker: SimWorker): void {
    // A new link while the sidecar has not seen the end of the old one, now and then.
    if (worker.pipe !== null && this.random.next() < 0.7) return;
    worker.pipe = { up: [], delivered: [], down: [] };
    apply(this.state, { kind: 'join', worker: worker.generation, slot: worker.slot }, this.nowMs);
    worker.send(worker.ledger.begin(worker.own.ejected(this.nowMs)));
  }

  #loseLink(worker: SimWorker): void {
    if (worker.pipe === null) return;
    worker.pipe = null;
    apply(this.state, { kind: 'leave', worker: worker.generation }, this.nowMs);
    worker.ledger.follow(worker.own.all(this.nowMs));
    if (this.random.next() < 0.5) worker.ledger.fade();
  }

  #killWorker(worker: SimWorker): void {
    this.workers = this.workers.filter((other) => other !== worker);
    apply(this.state, { kind: 'leave', worker: worker.generation }, this.nowMs);
    this.#fork(worker.slot);
  }

  #killSidecar(): void {
    this.state = createSharedState();
    apply(this.state, { kind: 'install', upstreams: this.#specs }, this.nowMs);
    for (const worker of this.workers) {
      worker.pipe = null;
      worker.ledger.follow(worker.own.all(this.nowMs));
    }
  }

  /** A new configuration reaches the sidecar and the workers at different times, or not yet. */
  #reload(): void {
    const { random } = this;
    const ejection = { failuresInRow: 3, baseMs: 200, maxMs: 1000 };
    this.#specs = ['a', 'b'].map((name) => ({
      name,
      peers: Array.from(
        { length: 1 + random.below(6) },
        (_, at) => `${name}/${at + random.below(2)}`,
      )
        .filter((id, at, ids) => ids.indexOf(id) === at)
        .sort(),
      ejection,
    }));
    apply(this.state, { kind: 'install', upstreams: this.#specs }, this.nowMs);
    for (const worker of this.workers) {
      if (random.next() < 0.7) worker.install(this.#specs, this.nowMs);
    }
  }
}
