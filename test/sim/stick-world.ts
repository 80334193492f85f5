// Workers and a sidecar that share sessions, one step at a time: messages are delayed, links and processes
// die, the configuration changes, and every choice comes from one seed.

import assert from 'node:assert/strict';
import type { SessionMessage } from '../../src/channel/messages.ts';
import { parseSidecarMessage, parseWorkerMessage } from '../../src/channel/parse-message.ts';
import { type StickEnd, type StickSpec, StickTables } from '../../src/channel/stick-tables.ts';
import { createSeededRandom, type SeededRandom } from '../support/random.ts';

/** One link: both ends, and what is on its way. */
interface Pipe {
  readonly below: StickEnd;
  readonly above: StickEnd;
  readonly up: SessionMessage[];
  readonly down: SessionMessage[];
}

interface SimWorker {
  readonly tables: StickTables;
  pipe: Pipe | null;
}

/** What all workers together know of a session: where it came to last, and when it was used last. */
interface Truth {
  peerId: string;
  stuckAtMs: number;
  usedAtMs: number;
}

export interface StickWorldOptions {
  /** Sessions that there are, and how many a table may hold. */
  readonly keys: number;
  readonly entriesMax: number;
  /** Below it links may be lost for longer than a session lasts: then nobody can know better. */
  readonly ttlMs: number;
  /** Processes die, and with workers what they alone knew. */
  readonly hasDeaths: boolean;
}

export class StickWorld {
  readonly random: SeededRandom;
  readonly truths = new Map<number, Truth>();
  nowMs = 1_000_000;
  workers: SimWorker[] = [];
  sidecar: StickTables;
  #specs: readonly StickSpec[];
  readonly #options: StickWorldOptions;

  constructor(seed: number, options: StickWorldOptions) {
    this.random = createSeededRandom(seed);
    this.#options = options;
    const { entriesMax, ttlMs } = options;
    this.#specs = [{ upstream: 'app', entriesMax, ttlMs }];
    this.sidecar = this.#createTables();
    for (let at = 0; at < 1 + this.random.below(4); at++) this.#fork();
  }

  step(): void {
    const { random } = this;
    this.nowMs += random.below(50);
    const worker = random.pick(this.workers);
    const roll = random.below(1000);
    if (roll < 300) this.#request(worker);
    else if (roll < 500) this.#turn(worker);
    else if (roll < 700) this.#deliver(worker.pipe?.up, worker.pipe?.above, parseWorkerMessage);
    else if (roll < 940) this.#deliver(worker.pipe?.down, worker.pipe?.below, parseSidecarMessage);
    else if (roll < 965) this.#connect(worker);
    else if (roll < 975) worker.pipe = null;
    else if (roll < 985) this.#die(worker);
    else if (roll < 990) this.#install(worker);
    else this.nowMs += random.below(10_000);
    this.checkAlways();
  }

  /** Lets everything arrive: all linked, nothing under way, nothing left to say. */
  quiesce(): void {
    for (const worker of this.workers) {
      worker.tables.install(this.#specs);
      if (worker.pipe === null) this.#connect(worker);
    }
    this.sidecar.install(this.#specs);
    for (let turn = 0; turn < 10; turn++) {
      for (const worker of this.workers) {
        this.#turn(worker);
        const { pipe } = worker;
        while (pipe!.up.length > 0) this.#deliver(pipe!.up, pipe!.above, parseWorkerMessage);
      }
      for (const worker of this.workers) this.#turn(worker);
      for (const { pipe } of this.workers) {
        while (pipe!.down.length > 0) this.#deliver(pipe!.down, pipe!.below, parseSidecarMessage);
      }
    }
    for (const { pipe } of this.workers) {
      assert.deepEqual(pipe!.below.take(), [], 'a quiet worker says nothing');
      assert.deepEqual(pipe!.above.take(), [], 'nor is it told anything');
      assert.ok(!pipe!.below.hasMore && !pipe!.above.hasMore);
    }
  }

  checkAlways(): void {
    for (const tables of this.#all()) {
      for (const { sessions } of tables.sizes) {
        assert.ok(sessions <= this.#specs[0]!.entriesMax, `${sessions} sessions`);
      }
    }
  }

  /** Whoever is asked for a session says the same. */
  checkAgreement(): void {
    for (let key = 0; key < this.#options.keys; key++) {
      const answers = this.#all().map((tables) => this.#peek(tables, key));
      assert.equal(new Set(answers).size, 1, `session ${key} is on ${answers}`);
    }
  }

  /** No session is lost that was used within its time, or on a peer that it has left. */
  checkTruth(): void {
    for (const [key, { peerId, usedAtMs }] of this.truths) {
      if (this.nowMs - usedAtMs > this.#options.ttlMs) continue;
      assert.equal(this.#peek(this.sidecar, key), peerId, `session ${key}`);
    }
  }

  /** A request goes to the peer of its session, or where the balancer sends it. */
  #request(worker: SimWorker): void {
    const { random } = this;
    const key = random.below(this.#options.keys);
    const table = worker.tables.tableOf(this.#specs[0]!);
    const found = table.find(key, key);
    const isKept = found !== null && random.next() < 0.9;
    const peerId = isKept ? found : `app/${random.below(5)}`;
    const truth = this.truths.get(key);
    if (peerId === found) {
      truth!.usedAtMs = this.nowMs;
      return;
    }
    table.stick(key, key, peerId);
    const { stuckAtMs } = table.record(table.newest);
    const isLater =
      truth === undefined ||
      stuckAtMs > truth.stuckAtMs ||
      (stuckAtMs === truth.stuckAtMs && peerId > truth.peerId);
    this.truths.set(key, { ...(isLater ? { peerId, stuckAtMs } : truth), usedAtMs: this.nowMs });
  }

  #turn({ pipe }: SimWorker): void {
    if (pipe === null) return;
    pipe.up.push(...pipe.below.take());
    pipe.down.push(...pipe.above.take());
  }

  #deliver(
    queue: SessionMessage[] | undefined,
    end: StickEnd | undefined,
    parse: (value: unknown) => unknown,
  ): void {
    const message = queue?.shift();
    if (message === undefined) return;
    assert.notEqual(parse(message), null, 'what is sent is a valid message');
    end!.receive(message);
  }

  #connect(worker: SimWorker): void {
    const below = worker.tables.open();
    worker.pipe = { below, above: this.sidecar.open(), up: [], down: [] };
  }

  #die(worker: SimWorker): void {
    if (!this.#options.hasDeaths) return;
    if (this.random.next() < 0.5) {
      this.workers = this.workers.filter((other) => other !== worker);
      this.#fork();
      return;
    }
    this.sidecar = this.#createTables();
    for (const each of this.workers) each.pipe = null;
  }

  /** A configuration with one upstream more reaches this worker and the sidecar at different times. */
  #install(worker: SimWorker): void {
    const more = { upstream: `more-${this.random.below(2)}`, entriesMax: 10, ttlMs: 20_000 };
    worker.tables.install([this.#specs[0]!, more]);
    worker.tables.tableOf(more).stick(1, 1, 'more/a');
    if (this.random.next() < 0.5) this.sidecar.install([this.#specs[0]!, more]);
  }

  #fork(): void {
    const worker: SimWorker = { tables: this.#createTables(), pipe: null };
    this.workers.push(worker);
    if (this.random.next() < 0.7) this.#connect(worker);
  }

  #createTables(): StickTables {
    const tables = new StickTables(() => this.nowMs);
    tables.install(this.#specs);
    return tables;
  }

  #all(): StickTables[] {
    return [this.sidecar, ...this.workers.map(({ tables }) => tables)];
  }

  #peek(tables: StickTables, key: number): string | null {
    return tables.tableOf(this.#specs[0]!).find(key, key);
  }
}
