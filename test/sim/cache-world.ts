// Workers with stores, a sidecar with leases and purges, an origin whose content changes, one step at a time:
// messages are delayed, links and processes die, clocks run, and every choice comes from one seed.

import assert from 'node:assert/strict';
import { parseSidecarMessage, parseWorkerMessage } from '../../src/channel/parse-message.ts';
import type { Lease, PurgeCommand, StoredResponse } from '../../src/core/cache.ts';
import type { CacheToSidecar, SidecarToCache } from '../../src/core/cache-link.ts';
import { CacheDesk } from '../../src/sidecar/cache/cache-desk.ts';
import type { Timers } from '../../src/std/timers.ts';
import { Leases } from '../../src/worker/cache/store/leases.ts';
import { MemoryTier } from '../../src/worker/cache/store/memory.ts';
import { PurgeEnd } from '../../src/worker/cache/store/purge-end.ts';
import { createSeededRandom, type SeededRandom } from '../support/random.ts';
import { storedResponse } from '../support/stored-response.ts';

/** Timers of a time that only the test moves. */
class HeldTime implements Timers {
  at = 1_000_000;
  readonly #due = new Set<{ readonly atMs: number; readonly run: () => void }>();

  nowMs(): number {
    return this.at;
  }

  wallMs(): number {
    return this.at;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.at + delayMs, run };
    this.#due.add(timer);
    return () => this.#due.delete(timer);
  }

  pass(ms: number): void {
    const untilMs = this.at + ms;
    for (;;) {
      const [next] = [...this.#due].sort((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > untilMs) break;
      this.#due.delete(next);
      this.at = Math.max(this.at, next.atMs);
      next.run();
    }
    this.at = untilMs;
  }
}

/** Somebody who asked, and how often he was answered. */
interface Asker {
  readonly key: string;
  words: number;
}

interface Fetch {
  readonly lease: Lease | null;
  readonly key: string;
  readonly generation: number;
  /** What the origin had when it was asked. */
  readonly content: number;
  readonly began: number;
}

interface SimWorker {
  readonly id: number;
  readonly slot: number;
  readonly memory: MemoryTier;
  readonly purges: PurgeEnd;
  readonly leases: Leases;
  readonly up: CacheToSidecar[];
  readonly down: SidecarToCache[];
  readonly fetches: Fetch[];
  readonly askers: Asker[];
  readonly names: Map<string, string>;
  connected: boolean;
}

const keys = ['a', 'b', 'c'];

export class CacheWorld {
  readonly random: SeededRandom;
  readonly time = new HeldTime();
  workers: SimWorker[] = [];
  desk: CacheDesk;
  /** The content that the origin has now, by key: a version that only grows. */
  readonly origin = new Map(keys.map((key) => [key, 1]));
  /** What no worker may serve any more, by key: purges that were answered as complete. */
  readonly floor = new Map(keys.map((key) => [key, 0]));
  readonly files = new Map<string, StoredResponse>();
  /** Fetches under a lease that ran at the same time, at most; only while nothing is lost. */
  fetched = 0;
  purged = 0;
  shared = 0;
  readonly hasLosses: boolean;
  #lastId = 0;
  #slots = 0;

  constructor(seed: number, hasLosses: boolean) {
    this.random = createSeededRandom(seed);
    this.hasLosses = hasLosses;
    this.desk = this.#createDesk();
    this.#slots = 2 + this.random.below(3);
    for (let slot = 0; slot < this.#slots; slot++) this.#fork(slot);
  }

  step(): void {
    const { random } = this;
    this.time.pass(random.below(20));
    const worker = random.pick(this.workers);
    const roll = random.below(1000);
    if (roll < 250) this.#ask(worker);
    else if (roll < 500) this.#deliverUp(worker);
    else if (roll < 750) this.#deliverDown(worker);
    else if (roll < 850) this.#finish(worker);
    else if (roll < 900) this.#change();
    else if (roll < 940) this.#purge();
    else if (!this.hasLosses) return;
    // So long that leases expire.
    else if (roll < 950) this.time.pass(random.below(3000));
    else this.#lose(worker, random.below(60));
    this.checkAlways();
  }

  /** Lets everything arrive and end. */
  quiesce(): void {
    for (let turn = 0; turn < 400; turn++) {
      for (const worker of this.workers) {
        if (!worker.connected) this.#connect(worker);
        while (worker.up.length > 0) this.#deliverUp(worker);
        while (worker.down.length > 0) this.#deliverDown(worker);
        while (worker.fetches.length > 0) this.#finish(worker);
      }
      this.time.pass(50);
    }
  }

  /** When everything has arrived and ended, without any time to pass, no lease is left for nobody. */
  checkLeases(): void {
    const isBusy = ({ up, down, fetches }: SimWorker) =>
      up.length + down.length + fetches.length > 0;
    while (this.workers.some(isBusy)) {
      for (const worker of this.workers) {
        this.#deliverUp(worker);
        this.#deliverDown(worker);
        this.#finish(worker);
      }
    }
    assert.equal(this.desk.leases.leases, 0);
  }

  checkAlways(): void {
    for (const worker of this.workers) {
      for (const asker of worker.askers) assert.ok(asker.words <= 1, 'nobody is told twice');
    }
    if (this.hasLosses) return;
    for (const key of keys) {
      const running = this.workers.flatMap(({ fetches }) => fetches);
      const leased = running.filter((one) => one.key === key && one.lease !== null);
      const young = leased.filter(({ began }) => this.time.at - began < 4500);
      assert.ok(young.length <= 1, `${young.length} leases for '${key}' at the same time`);
    }
  }

  /** Everybody who asked was answered, once. */
  checkAnswered(): void {
    for (const { askers } of this.workers) {
      for (const { words, key } of askers) assert.equal(words, 1, `somebody asked for ${key}`);
    }
    assert.equal(this.desk.leases.waiting, 0);
  }

  /** Nothing that was purged is served, and all know all purges. */
  checkPurged(): void {
    for (const worker of this.workers) {
      assert.ok(worker.purges.log.generation >= this.desk.purges.log.generation);
      for (const key of keys) this.#see(worker, key);
    }
  }

  /** Somebody wants a key: from memory, else by fetching or waiting. */
  #ask(worker: SimWorker): void {
    const key = this.random.pick(keys);
    if (this.#see(worker, key)) return;
    const asker: Asker = { key, words: 0 };
    worker.askers.push(asker);
    worker.leases.seek(key, {
      granted: (lease) => {
        asker.words += 1;
        this.#fetch(worker, key, lease);
      },
      shared: () => {
        asker.words += 1;
        this.shared += 1;
        this.#see(worker, key);
      },
      denied: () => {
        asker.words += 1;
        this.#fetch(worker, key, null);
      },
    });
  }

  #see(worker: SimWorker, key: string): boolean {
    const [variant] = worker.memory.find(key)?.variants ?? [];
    if (variant === undefined) return false;
    const content = Number(variant.response.etag);
    assert.ok(
      content >= this.floor.get(key)!,
      `worker ${worker.id} serves ${key} ${content}, purged before ${this.floor.get(key)}`,
    );
    return variant.response.freshUntilMs > this.time.at;
  }

  #fetch(worker: SimWorker, key: string, lease: Lease | null): void {
    this.fetched += 1;
    const { generation } = worker.purges.log;
    const content = this.origin.get(key)!;
    worker.fetches.push({ lease, key, generation, content, began: this.time.at });
  }

  #finish({ memory, fetches }: SimWorker): void {
    const done = fetches.shift();
    if (done === undefined) return;
    const { lease, key, generation, content } = done;
    const roll = this.random.next();
    if (roll < 0.15) lease?.release('failed', 0);
    else if (roll < 0.25) lease?.release('uncacheable', 0);
    else {
      const storedAtMs = this.time.at;
      const freshUntilMs = storedAtMs + this.random.below(4000);
      const response = storedResponse(key, {
        ...{ generation, storedAtMs, freshUntilMs, etag: `${content}`, tags: [`tag-${key}`] },
      });
      const stored = memory.store(response, new Uint8Array(1));
      lease?.release('stored', stored?.response.freshUntilMs ?? 0);
    }
  }

  #change(): void {
    const key = this.random.pick(keys);
    this.origin.set(key, this.origin.get(key)! + 1);
  }

  /** By a worker or by the operator; what it promises holds from its answer on. */
  #purge(): void {
    const key = this.random.pick(keys);
    const command = this.random.pick<PurgeCommand>([
      { kind: 'url', value: `http://example.test/${key}`, isSoft: false },
      { kind: 'tag', value: `tag-${key}`, isSoft: false },
      { kind: 'prefix', value: `http://example.test/${key}`, isSoft: false },
      { kind: 'all', value: '', isSoft: false },
    ]);
    const before = new Map(this.origin);
    const hold = (isComplete: boolean) => {
      if (!isComplete) return;
      this.purged += 1;
      for (const one of command.kind === 'all' ? keys : [key]) {
        this.floor.set(one, Math.max(this.floor.get(one)!, before.get(one)!));
      }
    };
    // Content that was purged must have been replaced at the origin, or it may be fetched again.
    this.#outdate(command.kind === 'all' ? keys : [key], before);
    if (this.random.next() < 0.5)
      void this.random.pick(this.workers).purges.purge(command).then(hold);
    else void this.desk.purge(command).then(({ isComplete }) => hold(isComplete));
  }

  #outdate(changed: readonly string[], before: Map<string, number>): void {
    for (const key of changed) {
      this.origin.set(key, this.origin.get(key)! + 1);
      before.set(key, this.origin.get(key)!);
    }
  }

  #deliverUp(worker: SimWorker): void {
    const message = worker.up.shift();
    if (message === undefined) return;
    assert.notEqual(parseWorkerMessage(message), null, JSON.stringify(message));
    const desk = this.desk;
    void desk.receive(worker.id, message)?.then((answer) => {
      if (worker.connected && desk === this.desk) worker.down.push(answer);
    });
  }

  #deliverDown(worker: SimWorker): void {
    const message = worker.down.shift();
    if (message === undefined) return;
    assert.notEqual(parseSidecarMessage(message), null, JSON.stringify(message));
    switch (message.kind) {
      case 'granted':
      case 'denied':
      case 'shared':
        worker.leases.receive(message);
        return;
      case 'hand-over': {
        const key = worker.names.get(message.digest) ?? '';
        const [newest] = worker.memory.find(key)?.variants ?? [];
        const file = newest === undefined ? '' : `file-${this.files.size}`;
        if (newest !== undefined) this.files.set(file, newest.response);
        this.#send(worker, { kind: 'handed', digest: message.digest, file });
        return;
      }
      default:
        worker.purges.receive(message);
    }
  }

  #lose(worker: SimWorker, roll: number): void {
    if (roll < 20) this.#connect(worker);
    else if (roll < 35) this.#disconnect(worker);
    else if (roll < 40) {
      this.workers = this.workers.filter((one) => one !== worker);
      if (worker.connected) this.desk.leave(worker.id);
      this.#fork(worker.slot);
    } else if (roll < 43) {
      for (const one of this.workers) this.#disconnect(one, false);
      this.desk.close();
      this.desk = this.#createDesk();
    }
  }

  #connect(worker: SimWorker): void {
    if (worker.connected) return;
    worker.connected = true;
    this.desk.join(worker.id, { pid: worker.id, slot: worker.slot });
    worker.purges.connected();
  }

  #disconnect(worker: SimWorker, isKnown = true): void {
    if (!worker.connected) return;
    worker.connected = false;
    worker.up.length = 0;
    worker.down.length = 0;
    if (isKnown) this.desk.leave(worker.id);
    worker.purges.disconnected();
    worker.leases.disconnected();
  }

  #send(worker: SimWorker, message: CacheToSidecar): boolean {
    if (worker.connected) worker.up.push(message);
    return worker.connected;
  }

  #fork(slot: number): void {
    this.#lastId += 1;
    const id = this.#lastId;
    let lastId = 0;
    const { time } = this;
    const link = {
      get connected() {
        return worker.connected;
      },
      nextId: () => {
        lastId += 1;
        return lastId;
      },
      send: (message: CacheToSidecar) => this.#send(worker, message),
    };
    const purges = new PurgeEnd(link, time);
    const memory = new MemoryTier(1024 * 1024, purges.log);
    const names = new Map<string, string>();
    const leases = new Leases({
      ...{ link, timers: time },
      takeIn: async (file) => {
        const roll = this.hasLosses ? this.random.next() : 1;
        if (roll < 0.05) throw new Error('the disk fails');
        if (roll < 0.1) await new Promise(() => {});
        const response = this.files.get(file);
        return response !== undefined && memory.store(response, new Uint8Array(1)) !== null;
      },
      onPass: (key, passMs) => memory.pass(key, time.at + passMs),
      onStored: (digest, key) => names.set(digest, key),
    });
    const worker: SimWorker = {
      ...{ id, slot, memory, purges, leases, names, connected: false },
      ...{ up: [], down: [], fetches: [], askers: [] },
    };
    this.workers.push(worker);
    this.#connect(worker);
  }

  #createDesk(): CacheDesk {
    const desk: CacheDesk = new CacheDesk({
      send: (id, message) => {
        const worker = this.workers.find((one) => one.id === id);
        if (desk === this.desk && worker?.connected) worker.down.push(message);
      },
      timers: this.time,
      workersWanted: () => this.#slots,
      isAlive: (pid) => this.workers.some(({ id }) => id === pid),
      keep: () => Promise.resolve(true),
    });
    return desk;
  }
}
