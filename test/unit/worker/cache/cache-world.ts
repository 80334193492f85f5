// A cache with everything around it but sockets: the real plan, forward and store, an origin that is a
// function, clients that record, and a clock that stands still until it is told to move.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { RouteConfig } from '../../../../src/config/schema.ts';
import { routeCache } from '../../../../src/config/schema-cache.ts';
import type { CacheToSidecar } from '../../../../src/core/cache-link.ts';
import { ProxyError } from '../../../../src/core/errors.ts';
import type { Exchange, RequestHead } from '../../../../src/core/exchange.ts';
import { headerValue, type RawHeaders } from '../../../../src/core/headers.ts';
import type { Peer } from '../../../../src/core/peer.ts';
import type { Plan } from '../../../../src/core/plan.ts';
import type { Sink, Source } from '../../../../src/core/sink.ts';
import type { Attempt, Upstream } from '../../../../src/core/upstream.ts';
import { systemTimers, type Timers } from '../../../../src/std/timers.ts';
import { RoundRobin } from '../../../../src/worker/balance/round-robin.ts';
import type { CacheHost } from '../../../../src/worker/cache/fill-context.ts';
import type { CachePolicy } from '../../../../src/worker/cache/policy.ts';
import { PurgeEnd } from '../../../../src/worker/cache/store/purge-end.ts';
import { Store } from '../../../../src/worker/cache/store/store.ts';
import { createCacheHost } from '../../../../src/worker/cache-host.ts';
import { clientDone, clientLeft } from '../../../../src/worker/client-end.ts';
import { policyOf, withCache } from '../../../../src/worker/compile-cache.ts';
import { type ForwardContext, forward } from '../../../../src/worker/forward.ts';
import type { HoldContext, PeerReports } from '../../../../src/worker/hold.ts';
import { Mirrors } from '../../../../src/worker/mirror.ts';
import { makeExchange, makePeers, makePlan } from '../support/exchanges.ts';

/** Sat, 21 Nov 2026 12:00:00 GMT */
export const NOON_MS = Date.UTC(2026, 10, 21, 12);

/** What the origin answers; `date` defaults to now, `length` to that of the body. */
export interface Answer {
  readonly status?: number;
  readonly headers?: RawHeaders;
  readonly body?: string;
  readonly date?: string;
  /** Without Content-Length. */
  readonly isChunked?: boolean;
  /** Breaks off after the body, which is incomplete. */
  readonly breaksOff?: boolean;
}

/** 'hold': the test answers by hand; an error: no response head at all. */
export type Script = (request: Exchange, count: number) => Answer | ProxyError | 'hold';

/** A request at the origin that the test answers by hand. */
export class HeldRequest implements Source {
  readonly exchange: Exchange;
  readonly #attempt: Attempt;
  #sink: Sink | null = null;
  isPaused = false;
  cancelled: ProxyError | null = null;
  /** Has reported its end. */
  isOver = false;

  constructor(exchange: Exchange, attempt: Attempt) {
    this.exchange = exchange;
    this.#attempt = attempt;
    exchange.running = this;
  }

  head({ status = 200, headers = [], date, body, isChunked }: Answer = {}): void {
    const { exchange } = this;
    exchange.status = status;
    exchange.responseHeaders = headers.slice();
    exchange.responseDate = date ?? new Date().toUTCString();
    exchange.responseByteLength = isChunked === true || body === undefined ? -1 : body.length;
    this.#sink = this.#attempt.onHead(this);
    this.#sink.start(this);
  }

  /** Returns whether more is wanted. */
  write(text: string): boolean {
    return this.writeBytes(Buffer.from(text, 'latin1'));
  }

  writeBytes(bytes: Uint8Array): boolean {
    return this.cancelled === null && this.#sink!.write(bytes);
  }

  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#sink!.end();
    this.#attempt.onDone(null);
  }

  breakOff(): void {
    if (this.isOver) return;
    this.isOver = true;
    const error = new ProxyError('body_broken');
    this.#sink!.fail(error);
    this.#attempt.onDone(error);
  }

  fail(error: ProxyError): void {
    this.isOver = true;
    this.exchange.running = null;
    this.#attempt.onFailure(error);
  }

  answer(answer: Answer): void {
    this.head({ body: '', ...answer });
    if (answer.body !== undefined && answer.body !== '' && answer.status !== 304) {
      this.write(answer.body);
    }
    if (answer.breaksOff === true) this.breakOff();
    else this.end();
  }

  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  cancel(error: ProxyError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.cancelled = error;
    if (this.exchange.running === this) this.exchange.running = null;
    if (this.#sink !== null) this.#attempt.onDone(error);
  }
}

const NOBODY: PeerReports = { touched() {}, succeeded() {}, failed() {}, erred() {} };

/** Someone who asked, and what came of it. */
export class Client implements Sink {
  readonly exchange: Exchange;
  body = '';
  state: 'waiting' | 'started' | 'ended' | 'failed' = 'waiting';
  /** While set, it has no room for more. */
  isFull = false;
  /** While set, the last bytes do not leave: its exchange is not over when its response is. */
  isStuck = false;
  source: Source | null = null;

  /** Why it did not get all, as the log has it. */
  failure: ProxyError | null = null;
  /** What it did while it had nothing to say, or twice: a listener would not stand it. */
  readonly wrongs: string[] = [];
  isGone = false;
  isDone = false;
  /** Closes its connection when a response breaks off, and tells of that as if the client had: as uWS does. */
  tellsOfBreaks = false;
  /** How often what its exchange held was given back. */
  releases = 0;
  readonly #context: HoldContext;

  constructor(head: Partial<RequestHead>, context: HoldContext = { peers: NOBODY }) {
    this.#context = context;
    this.exchange = makeExchange(head, this);
    this.exchange.held = {
      next: null,
      release: () => {
        this.releases += 1;
      },
    };
  }

  get status(): number {
    return this.exchange.status;
  }

  header(name: string): string | undefined {
    return headerValue(this.exchange.responseHeaders, name);
  }

  get cache(): string | null {
    return this.exchange.cacheStatus;
  }

  start(source: Source): void {
    if (this.isGone) {
      source.cancel(new ProxyError('client_closed'));
      return;
    }
    this.#expect('waiting', 'start');
    this.source = source;
    this.state = 'started';
  }
  write(chunk: Uint8Array): boolean {
    if (this.isGone) return true;
    this.#expect('started', 'write');
    this.body += Buffer.from(chunk).toString('latin1');
    return !this.isFull;
  }
  end(): void {
    if (this.isGone) return;
    this.#expect('started', 'end');
    this.state = 'ended';
    if (!this.isStuck) this.#done();
  }
  fail(error: ProxyError): void {
    if (this.isGone) return;
    this.exchange.failure ??= error;
    this.#expect('started', 'fail');
    this.state = 'failed';
    if (this.tellsOfBreaks) clientLeft(this.exchange);
    this.#done();
  }
  /** Has room again. */
  read(): void {
    this.isFull = false;
    if (!this.isGone) this.source?.resume();
  }
  /** The last bytes leave. */
  flush(): void {
    this.isStuck = false;
    if (this.state === 'ended' && !this.isDone) this.#done();
  }
  /** Leaves before the end. */
  leave(): void {
    this.isGone = true;
    clientLeft(this.exchange);
    this.#done();
  }

  #expect(state: Client['state'], call: string): void {
    if (this.state !== state) this.wrongs.push(`${call} when ${this.state}`);
  }

  /** As serve does it. */
  #done(): void {
    if (this.isDone) this.wrongs.push('done twice');
    this.isDone = true;
    const goesOn = clientDone(this.exchange, this.#context);
    this.failure = this.exchange.failure;
    if (goesOn) this.exchange.failure = null;
  }
}

export interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: RawHeaders;
  readonly remoteAddress?: string;
  /** What a filter makes of the target. */
  readonly rewrittenTo?: string;
  /** Port of the listener. */
  readonly port?: number;
  readonly hasBody?: boolean;
  readonly isIdentified?: boolean;
  readonly clientCertificate?: string;
  /** Has no room for more than the first piece. */
  readonly isFull?: boolean;
  readonly isStuck?: boolean;
}

export class CacheWorld {
  readonly store: Store;
  readonly host: CacheHost;
  plan!: Plan;
  /** Requests that reached the origin. */
  readonly requests: Exchange[] = [];
  readonly held: HeldRequest[] = [];
  script: Script;
  random = 1;
  /** To the sidecar, which is gone unless a test lets it be there. */
  readonly link = {
    connected: false,
    sent: [] as CacheToSidecar[],
    lastId: 0,
    nextId: () => {
      this.link.lastId += 1;
      return this.link.lastId;
    },
    send: (message: CacheToSidecar) => {
      if (this.link.connected) this.link.sent.push(message);
      return this.link.connected;
    },
  };
  readonly #context: ForwardContext;
  readonly #test: TestContext;
  readonly #bare: Plan;
  readonly #due = new Set<{ readonly atMs: number; readonly fire: () => void }>();
  readonly #timers: Timers = {
    nowMs: () => Date.now(),
    wallMs: () => Date.now(),
    after: (delayMs, fire) => {
      const timer = { atMs: Date.now() + delayMs, fire };
      this.#due.add(timer);
      return () => this.#due.delete(timer);
    },
  };

  /** `config` as in a file; `script` answers what reaches the origin. */
  constructor(test: TestContext, config: object, script: Script, plan: Partial<Plan> = {}) {
    test.mock.timers.enable({ apis: ['Date'], now: NOON_MS });
    test.mock.method(performance, 'now', () => Date.now());
    this.#test = test;
    this.script = script;
    const peers = NOBODY;
    this.#context = {
      exchangesRunning: 0,
      hedges: 0,
      hedgesWon: 0,
      retries: 0,
      peers,
      mirrors: new Mirrors(peers, () => 1),
      random: () => this.random,
    };
    const nothing = () => {};
    const { link } = this;
    const purges = new PurgeEnd(link, systemTimers);
    this.store = new Store({
      memoryBytes: 64 * 2 ** 20,
      disk: null,
      isAlone: false,
      events: { debug: nothing, info: nothing, warn: nothing, error: nothing },
      link,
      purges,
      timers: systemTimers,
      runDirectory: '/nonexistent',
    });
    test.after(() => {
      this.store.close();
      purges.close();
    });
    this.host = createCacheHost(this.store, this.#context, () => {}, this.#timers);
    const upstream: Upstream = { send: (...sent) => this.#receive(...sent) };
    this.#bare = makePlan({ upstream, balancer: new RoundRobin(makePeers(1)), ...plan });
    this.reload(config);
  }

  /** Another configuration of the same route; what is stored stays. */
  reload(config: object): void {
    const requestHeaders = { remove: [], set: {}, add: {}, append: {} };
    const route = { name: 'test', cache: routeCache.parse(config), requestHeaders };
    this.plan = withCache(this.#bare, route as unknown as RouteConfig, 'app', this.host);
  }

  /** Moves the clock; timers that are due by then fire. */
  pass(seconds: number): void {
    this.#test.mock.timers.tick(seconds * 1000);
    for (const timer of [...this.#due]) {
      if (timer.atMs > Date.now()) continue;
      this.#due.delete(timer);
      timer.fire();
    }
  }

  /** Sends a request as serve does. */
  get(target: string, asked: Asked = {}): Client {
    const { method = 'GET', host = 'example.com', headers = [], hasBody = false } = asked;
    const entry = { listener: 'http-80', scheme: 'http', port: asked.port ?? 80 } as const;
    const { clientCertificate } = asked;
    const client = new Client(
      {
        entry: clientCertificate === undefined ? entry : { ...entry, clientCertificate },
        method,
        target,
        host,
        headers: ['host', host, ...headers],
        remoteAddress: asked.remoteAddress ?? '192.0.2.7',
        body: hasBody ? ({ release() {} } as never) : null,
      },
      this.#context,
    );
    client.exchange.isIdentified = asked.isIdentified ?? false;
    client.exchange.target = asked.rewrittenTo ?? target;
    client.isFull = asked.isFull ?? false;
    client.isStuck = asked.isStuck ?? false;
    client.exchange.plan = this.plan;
    if (!this.plan.cache!.serve(client.exchange)) {
      forward(client.exchange, this.plan, this.#context);
    }
    return client;
  }

  /** How many requests have reached the origin. */
  get fetches(): number {
    return this.requests.length;
  }

  #receive(exchange: Exchange, _peer: Peer, attempt: Attempt): void {
    this.requests.push(exchange);
    const answer = this.script(exchange, this.requests.length);
    const held = new HeldRequest(exchange, attempt);
    if (answer === 'hold') this.held.push(held);
    else if (answer instanceof ProxyError) held.fail(answer);
    else held.answer(answer);
  }
}

/** Nothing is held for anybody any more. */
export function assertAtRest(world: CacheWorld): void {
  assert.equal(world.host.fills.size, 0);
  assert.equal(world.host.budget.bytes, 0);
  for (const { peer, holdsPeer, finished } of world.requests) {
    assert.deepEqual([holdsPeer, finished], [false, true]);
    assert.deepEqual([peer!.inFlight, peer!.group.inFlight], [0, 0]);
  }
}

/** What a route gets that says `cache: true`. */
export const defaultPolicy: CachePolicy = policyOf(routeCache.parse(true)!, new Set());
