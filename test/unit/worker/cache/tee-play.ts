// Random plays on a cache with everything around it but sockets: clients of all kinds, who come and leave at
// any point; peers that answer, break off, fail, or are full; retries, second attempts, a sidecar, purges. It
// knows what each client may have been given, and what must be left over when all is quiet: nothing.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Lease, LeaseSeeker } from '../../../../src/core/cache.ts';
import { ProxyError } from '../../../../src/core/errors.ts';
import { headerValue } from '../../../../src/core/headers.ts';
import type { Hedgeable } from '../../../../src/core/hedging.ts';
import type { Plan } from '../../../../src/core/plan.ts';
import { PeerQueue } from '../../../../src/worker/balance/queue.ts';
import { RoundRobin } from '../../../../src/worker/balance/round-robin.ts';
import { makePeers } from '../support/exchanges.ts';
import { adding, failing } from './adding-stage.ts';
import { CacheWorld } from './cache-world.ts';
import {
  type AnswerSpec,
  type Asker,
  fillNowAndThen,
  goOnAtOnce,
  type Setting,
  type Step,
  TAME,
  type Told,
} from './tee-steps.ts';

export class Play {
  readonly world: CacheWorld;
  readonly askers: Asker[] = [];
  readonly told: Told[] = [];
  readonly #setting: Setting;
  readonly #timers: Map<number, () => void>;
  readonly #soon: (() => void)[] = [];
  readonly #hedges: Hedgeable[] = [];
  /** Ids at the sidecar that have no answer yet. */
  readonly #seeks: number[] = [];
  #leasesHeld = 0;
  #untold = 0;
  #clock = 0;
  #purgedAt = -1;
  #isTripped = false;
  #starvedBytes = 0;
  /** Something was answered that is no reason to wait for another's fetch. */
  stored = 0;

  /** `timers`: those that are set (see `heldTimers`). */
  constructor(test: TestContext, setting: Setting, timers: Map<number, () => void>) {
    this.#setting = setting;
    this.#timers = timers;
    timers.clear();
    test.mock.timers.reset();
    const objectBytesMax = setting.isTame ? 40 : setting.objectBytesMax;
    this.world = new CacheWorld(test, { objectBytesMax }, () => 'hold', this.#plan());
    this.world.link.connected = setting.hasSidecar;
    this.#watchLeases();
  }

  /** Returns false where there was nothing that it could be done to. */
  do(step: Step): void {
    this.#clock += 1;
    switch (step.kind) {
      case 'ask':
        this.#ask(step);
        break;
      case 'head':
        this.#head(this.#open(step.which, false), step.answer);
        break;
      case 'pass':
        this.world.pass(step.seconds);
        break;
      case 'fail':
        this.#open(step.which, false)?.held.fail(new ProxyError(step.code));
        break;
      case 'leave':
        at(this.#present, step.which)?.client.leave();
        break;
      case 'read': {
        const asker = at(this.askers, step.which);
        asker?.client.read();
        asker?.client.flush();
        break;
      }
      case 'tell':
        this.#tell(step.which);
        break;
      case 'tick':
        this.#tick(step.which);
        break;
      case 'hedge':
        this.#hedges.splice(step.which % (this.#hedges.length + 1), 1)[0]?.hedge();
        break;
      case 'write':
        this.#write(this.#open(step.which, true), 5);
        break;
      case 'end':
        this.#end(this.#open(step.which, true));
        break;
      case 'break':
        this.#open(step.which, true)?.held.breakOff();
        break;
      default:
        this.#turn(step.kind);
    }
    this.#settle();
  }

  /** Everything comes to its end; then what each got is looked at, and what is left. */
  finish(): void {
    this.#turn('mend');
    this.#turn('feed');
    for (let round = 0; round < 60 && !this.#isQuiet; round++) {
      this.#clock += 1;
      while (this.#seeks.length > 0) this.#tell(1);
      for (const run of [...this.#timers.values()]) run();
      this.#timers.clear();
      for (const told of [...this.told]) {
        if (told.held.isOver) continue;
        if (told.spec === null) this.#head(told, TAME);
        this.#end(told);
      }
      for (const { client } of this.askers) {
        client.read();
        client.flush();
      }
      this.#settle();
    }
    for (const asker of this.askers) this.#check(asker);
    this.#checkRest();
  }

  get #isQuiet(): boolean {
    if (this.#seeks.length > 0 || this.#timers.size > 0 || this.#present.length > 0) return false;
    return this.world.held.every(({ isOver }) => isOver);
  }

  get #present(): Asker[] {
    return this.askers.filter(({ client }) => !client.isDone);
  }

  #plan(): Partial<Plan> {
    const { hasPeerStage, hasClientStage, isNarrow, retries } = this.#setting;
    const peers = makePeers(1, 1).map((one) => ({ ...one, connectionsMax: isNarrow ? 1 : 0 }));
    const soon = (run: () => void) => this.#soon.push(run);
    const queue = new PeerQueue(
      peers[0]!.peer.group,
      { peers, pendingMax: 3, pendingTimeoutMs: 1000 },
      { nowMs: () => 0, soon, busy: new Set() },
    );
    const budget = { budgetRatio: 1, budgetMin: 3 };
    return {
      balancer: new RoundRobin(peers),
      queue: isNarrow ? queue : null,
      retry:
        retries === 0
          ? null
          : { ...budget, retriesMax: retries, backoffBaseMs: 1, backoffMaxMs: 1 },
      failingStatuses: new Set([503]),
      breaker: {
        refuse: () => (this.#isTripped ? new ProxyError('breaker_open') : null),
      },
      hedging: this.#setting.isTame
        ? null
        : { budget, watch: (exchange) => this.#hedges.push(exchange), sample() {} },
      peerStages: hasPeerStage ? [adding('?')] : null,
      clientStages: hasClientStage ? [failing, adding('!')] : null,
    };
  }

  #tick(which: number): void {
    const id = at([...this.#timers.keys()], which);
    if (id === undefined) return;
    const run = this.#timers.get(id)!;
    this.#timers.delete(id);
    run();
  }

  #watchLeases(): void {
    const { store } = this.world;
    const lease = store.lease.bind(store);
    store.lease = (key: string, seeker: LeaseSeeker) => {
      this.#untold += 1;
      let isTold = false;
      const tell = (then: () => void) => {
        assert.equal(isTold, false, 'told twice about a lease');
        isTold = true;
        this.#untold -= 1;
        then();
      };
      lease(key, {
        granted: (given) => tell(() => seeker.granted(this.#counted(given))),
        shared: () => tell(() => seeker.shared()),
        denied: () => tell(() => seeker.denied()),
      });
    };
  }

  #counted(lease: Lease): Lease {
    this.#leasesHeld += 1;
    let isHeld = true;
    return {
      release: (end, freshUntilMs) => {
        if (isHeld) this.#leasesHeld -= 1;
        isHeld = false;
        lease.release(end, freshUntilMs);
      },
    };
  }

  /** The sidecar answers: mostly it grants. */
  #tell(which: number): void {
    const id = at(this.#seeks, which);
    if (id === undefined) return;
    this.#seeks.splice(this.#seeks.indexOf(id), 1);
    if (which % 4 === 3) this.world.store.receive({ kind: 'denied', id, passMs: 0 });
    else this.world.store.receive({ kind: 'granted', id });
  }

  #turn(kind: string): void {
    const { world } = this;
    if (kind === 'purge') {
      const { connected } = world.link;
      world.link.connected = false;
      void world.store.purge({ kind: 'all', value: '', isSoft: false });
      world.link.connected = connected;
      this.#purgedAt = this.#clock;
    } else if (kind === 'gone' && world.link.connected) {
      world.link.connected = false;
      this.#seeks.length = 0;
      world.store.disconnected();
    } else if (kind === 'starve' && this.#starvedBytes === 0) {
      this.#starvedBytes = world.host.budget.bytesMax - world.host.budget.bytes;
      world.host.budget.take(this.#starvedBytes);
    } else if (kind === 'feed') {
      world.host.budget.giveBack(this.#starvedBytes);
      this.#starvedBytes = 0;
    } else if (kind === 'trip') this.#isTripped = true;
    else if (kind === 'mend') this.#isTripped = false;
  }

  #ask(step: Extract<Step, { kind: 'ask' }>): void {
    const { target, method, language, coding, isFull, isStuck } = step;
    const headers = ['accept-language', language, 'accept-encoding', coding, ...step.extra];
    const client = this.world.get(target, { method, headers, isFull, isStuck });
    client.tellsOfBreaks = step.tellsOfBreaks;
    if (step.isFitful) fillNowAndThen(client);
    const range = step.extra.includes('range');
    this.askers.push({ client, target, language, coding, range, askedAt: this.#clock });
  }

  /** One of the requests that the origin has not answered, or not to the end. */
  #open(which: number, hasHead: boolean): Told | undefined {
    const open = this.told.filter(({ held, spec }) => !held.isOver && (spec !== null) === hasHead);
    return at(open, which);
  }

  #head(told: Told | undefined, given: AnswerSpec): void {
    if (told === undefined) return;
    const spec = this.#setting.isTame ? { ...TAME, bytes: given.bytes % 39 } : given;
    const { held } = told;
    const number = this.told.indexOf(told);
    const tag = headerValue(held.exchange.requestHeaders, 'if-none-match');
    told.spec = spec;
    const headers = ['cache-control', spec.control, 'x-n', String(number)];
    if (spec.variesBy !== '') headers.push('vary', spec.variesBy);
    if (tag !== undefined && spec.status === 200 && spec.bytes % 2 === 0) {
      const confirmed = this.told[Number(tag.slice(1, -1))]!;
      confirmed.confirmed += 1;
      told.isWhole = true;
      const same = ['cache-control', confirmed.spec!.control, 'etag', tag];
      held.head({ status: 304, headers: same, body: '' });
      return;
    }
    const isBare = held.exchange.method === 'HEAD' || spec.status === 204;
    told.text = isBare ? '' : `${number};${'x'.repeat(spec.bytes)}`;
    headers.push('etag', `"${number}"`);
    held.head({ status: spec.status, headers, body: told.text, isChunked: spec.isChunked });
  }

  #write(told: Told | undefined, bytes: number, overruns = this.#setting.isEager): void {
    if (told === undefined || told.held.isOver || told.held.isPaused) return;
    if (told.given >= told.text.length) return;
    const piece = told.text.slice(told.given, told.given + bytes);
    told.given += piece.length;
    if (!told.held.write(piece)) {
      if (overruns) this.#write(told, bytes, false);
      told.held.isPaused = true;
    }
    // Whatever comes after that: it is as long as it was to be.
    if (told.given === told.text.length && told.spec?.isChunked === false) told.isWhole = true;
  }

  #end(told: Told | undefined): void {
    if (told === undefined) return;
    while (told.given < told.text.length && !told.held.isPaused && !told.held.isOver) {
      this.#write(told, 10);
    }
    if (told.given < told.text.length || told.held.isOver) return;
    told.isWhole = true;
    told.held.end();
  }

  /** What is put off to the end of the turn, and what has come to the origin and the sidecar. */
  #settle(): void {
    while (this.#soon.length > 0) this.#soon.shift()!();
    const { held, link } = this.world;
    for (const message of link.sent.splice(0)) {
      if (message.kind === 'seek') this.#seeks.push(message.id);
    }
    for (const one of held.slice(this.told.length)) {
      const { exchange } = one;
      const told: Told = {
        held: one,
        target: exchange.target,
        sentAt: this.#clock,
        isPersonal: exchange.requestHeaders.includes('authorization'),
        language: headerValue(exchange.requestHeaders, 'accept-language')!,
        coding: headerValue(exchange.requestHeaders, 'accept-encoding')!,
        spec: null,
        text: '',
        given: 0,
        isWhole: false,
        confirmed: 0,
        readers: new Set(),
      };
      this.told.push(told);
      if (this.#setting.isEager) goOnAtOnce(one, () => this.#write(told, 5));
    }
    if (this.#setting.isTame) this.#checkAlone();
  }

  /** Whoever wants the same waits for the one fetch; who waited in vain may ask for a part. */
  #checkAlone(): void {
    for (const target of ['/a', '/b']) {
      const running = this.told.filter(({ target: wanted, held }) => {
        const isForPart = held.exchange.requestHeaders.includes('range');
        return wanted === target && !held.isOver && !isForPart;
      });
      assert.ok(running.length <= 1, `${running.length} fetches of ${target} at a time`);
    }
  }

  #check({ client, target, language, coding, range, askedAt }: Asker): void {
    const { exchange, state, body } = client;
    assert.deepEqual(client.wrongs, []);
    assert.deepEqual([client.isDone, client.releases, exchange.finished], [true, 1, true]);
    if (client.isGone) return;
    const header = client.header('x-n');
    if (header === undefined) {
      assert.ok(client.failure !== null || client.status === 504, `status ${client.status}`);
      return;
    }
    const told = this.told[Number(header)]!;
    const spec = told.spec!;
    const { hasPeerStage, hasClientStage } = this.#setting;
    const isBare = exchange.method === 'HEAD' || spec.status === 204;
    const stored = `${told.text}${hasPeerStage && !isBare ? '?' : ''}`;
    const isPart = range && client.status === 206;
    const whole = `${isPart ? stored.slice(0, 2) : stored}${hasClientStage && !isBare ? '!' : ''}`;
    if (!isBare && !hasClientStage) assert.ok(whole.startsWith(body), `${body} of ${whole}`);
    if (state === 'ended' && told.held.exchange.method !== 'HEAD') {
      assert.equal(body, isBare ? '' : whole);
      if (!isBare) assert.ok(told.isWhole, 'whole, of what was not');
    } else if (state !== 'ended') assert.ok(client.failure !== null);
    const added = exchange.responseHeaders.filter((_, index, all) => all[index - 1] === 'x-added');
    const expected = `${hasPeerStage ? '?' : ''}${hasClientStage ? '!' : ''}`;
    assert.equal(added.join(''), expected);
    assert.equal(told.target, target);
    assert.ok(client.status === spec.status || isPart);
    if (spec.variesBy === 'accept-language') assert.equal(told.language, language);
    if (spec.variesBy === 'accept-encoding') assert.equal(told.coding, coding);
    assert.ok(askedAt <= this.#purgedAt || told.sentAt > this.#purgedAt || askedAt <= told.sentAt);
    if (told.sentAt < askedAt) this.stored += 1;
    told.readers.add(client);
    const isPersonal = told.isPersonal && !spec.control.includes('public');
    const isPrivate = isPersonal || /private|no-store/.test(spec.control);
    if (isPrivate) assert.ok(told.readers.size <= 1, 'private, and given to several');
    if (spec.control === 'no-cache') assert.ok(told.readers.size <= 1 + told.confirmed);
  }

  #checkRest(): void {
    const { world } = this;
    assert.equal(world.host.fills.size, 0, 'fills');
    assert.equal(world.host.budget.bytes, 0, 'budget');
    assert.deepEqual([this.#leasesHeld, this.#untold], [0, 0], 'leases');
    for (const { exchange, isOver } of world.held) {
      assert.deepEqual([isOver, exchange.holdsPeer, exchange.held], [true, false, null]);
      const { peer } = exchange;
      if (peer === null) continue;
      const { group } = peer;
      assert.deepEqual([peer.inFlight, group.inFlight, group.guard.inFlight], [0, 0, 0], 'holds');
      assert.equal(group.queue, null);
    }
  }
}

function at<T>(list: readonly T[], which: number): T | undefined {
  return list.length === 0 ? undefined : list[which % list.length];
}
