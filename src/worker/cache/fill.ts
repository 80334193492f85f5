// One fetch for everybody who asks for the same, from the right to do it until the answer is stored.
// What its answer means for whom is told in fill-outcome.ts, how all get the body in fetched-body.ts.
//
//   seeking ──lease──► fetching ──head──► holding ──allHeld──► over: it is stored
//      │                  │ │               └── outgrown ──► live ──allGiven──► over
//      │                  │ ├── not to be stored ──► live for the owner; others ask for themselves
//      │                  │ ├── 304 ──► over: stored anew, everybody is answered
//      │                  │ └── failure ──► over: a stale answer, or the failure
//      └── another worker has fetched ──► over: everybody looks again

import type { LeaseEnd, StoredResponse } from '../../core/cache.ts';
import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Sink, Source } from '../../core/sink.ts';
import { Audience } from './audience.ts';
import { isBeingPurged } from './being-purged.ts';
import type { ForwardReason } from './cache-status.ts';
import { fetchExchange } from './fetch-exchange.ts';
import { type Fetcher, FetchRight } from './fetch-right.ts';
import { type BodyOwner, FetchedBody } from './fetched-body.ts';
import { answer, type Filling, release, statusOf, stream } from './fill-answers.ts';
import {
  type FillContext,
  type FillTask,
  type Joinable,
  keep,
  type NextLook,
} from './fill-context.ts';
import { takeHead } from './fill-outcome.ts';
import { HeldBytes } from './held-bytes.ts';
import { matchesVary, variantKey } from './vary.ts';
import { type AwaitedFetch, isForWhole, NO_WISHES, Waiter, type Wishes } from './waiter.ts';

const UNWANTED = new ProxyError('client_closed', 'not wanted by the cache');

/** A client's own exchange that was sent already, as a fill takes it over. */
export interface Running {
  readonly sentAtMs: number;
  /** Why its client did not get an answer from the store. */
  readonly reason: ForwardReason;
}

export class Fill implements Sink, Fetcher, Joinable, Filling, AwaitedFetch, BodyOwner {
  readonly context: FillContext;
  readonly task: FillTask;
  readonly fetch: Exchange;
  readonly audience: Audience;
  readonly body: FetchedBody;
  status = 0;
  byteLength = -1;
  sentAtMs: number;
  decided: StoredResponse | null = null;
  /** Null: it fetches by an exchange of its own. */
  readonly #running: Running | null;
  readonly #right: FetchRight;
  /** `waiting`: it seeks or fetches, and has no head yet. */
  #state: 'waiting' | 'holding' | 'live' | 'over' = 'waiting';
  #source: Source | null = null;
  #decision: StoredResponse | null = null;
  #isShared = false;
  /** Nobody waited when it began: it is for those who come later. */
  #isInBackground = false;

  /** `running`: in place of an exchange of its own. `right`: sought already, or had. */
  constructor(
    context: FillContext,
    task: FillTask,
    { running = null, right = null }: { running?: Running | null; right?: FetchRight | null } = {},
  ) {
    this.context = context;
    this.task = task;
    this.audience = new Audience(task.client);
    this.body = new FetchedBody(this, this.audience, context.host.timers);
    this.#running = running;
    this.sentAtMs = running === null ? 0 : running.sentAtMs;
    // Made now: later the client may be gone, and its address with it.
    this.fetch =
      running === null
        ? fetchExchange(task.client, context.plan, this, task.validated)
        : task.client;
    this.#right = right ?? new FetchRight(this);
    this.#right.owner = this;
    if (task.validated !== null) task.validated.isRefreshing = true;
  }

  /**
   * The exchange that it took over has its head: its client is one of those who wait, if it is still here.
   * `decided`: see Filling.
   */
  attach(decided: StoredResponse | null): Sink {
    const { client } = this.task;
    this.decided = decided;
    if (!this.ownsFetch) {
      this.audience.addOwner(new Waiter(client, NO_WISHES, this.#running!.reason, this));
    }
    return this;
  }

  /** Goes on with what was held for a client that gets it without us; `source` sends the rest here as well. */
  holdOn(decision: StoredResponse, held: HeldBytes, source: Source): void {
    this.status = decision.status;
    this.byteLength = decision.bodyBytes;
    this.#source = source;
    this.#hold(decision, true, held);
  }

  /** The client whose exchange it took over has left: the exchange is this fill's alone. */
  keepFetch(): void {
    this.fetch.client = this;
  }

  get decision(): StoredResponse | null {
    return this.#decision;
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  /** The exchange that fetches has no client of its own. */
  get ownsFetch(): boolean {
    return this.fetch.client === this;
  }

  /** Though nobody waits: by those who come next, or by the client whose exchange it is. */
  #isWanted(): boolean {
    if (this.isWaiting) return this.#isInBackground || !this.ownsFetch;
    return this.#state === 'holding';
  }

  get isOutdated(): boolean {
    return this.task.request.generation !== this.context.host.store.generation;
  }

  canJoin(exchange: Exchange): boolean {
    const { request } = this.task;
    if (this.isOutdated || isBeingPurged(request, exchange, this.context.host.store)) return false;
    if (this.isWaiting) return true;
    if (this.#state !== 'holding' || !this.#isShared) return false;
    return matchesVary(this.#decision!.vary, exchange.requestHeaders);
  }

  otherKey(exchange: Exchange): string | null {
    if (this.#state !== 'holding' || !this.#isShared) return null;
    const { key, vary } = this.#decision!;
    return variantKey(key, vary, exchange.requestHeaders);
  }

  join(exchange: Exchange, wanted: Wishes, reason: ForwardReason): void {
    const waiter = new Waiter(exchange, wanted, reason, this);
    exchange.cacheStatus = exchange === this.task.client ? 'miss' : 'collapsed';
    this.audience.add(waiter);
    // Whoever wants less than the whole waits until it is here.
    if (this.#state === 'holding' && isForWhole(waiter)) {
      stream(this, waiter, this.#decision!.headers.slice());
    }
  }

  /** Looks on disk, asks for the right to fetch, and fetches; `isAlone`: at once. */
  run(isAlone: boolean): void {
    const { store } = this.context.host;
    const { key } = this.task.request;
    this.#isInBackground = this.audience.isEmpty;
    if (isAlone) {
      this.send();
    } else if (store.hasDisk && this.task.looksOnDisk) {
      void store.fetch(key).then((entry) => {
        if (!this.isOver && entry !== null && entry.variants.length > 0) {
          this.over('failed');
          for (const waiter of this.audience.all) release(this, waiter, 'found', entry);
        } else if (!this.isOver) {
          store.lease(this.task.fillKey, this.#right);
        }
        // Those who read from files hold them by now.
        for (const { file } of entry?.variants ?? []) file?.release();
      });
    } else {
      store.lease(this.task.fillKey, this.#right);
    }
  }

  send(): void {
    this.sentAtMs = Date.now();
    this.context.host.forward(this.fetch, this.context.plan);
  }

  elsewhere(): void {
    // Who has to ask the peer whatever is stored would be told the same again.
    this.releaseAll(this.task.validated === null ? 'together' : 'alone');
  }

  /** The head of the answer is in `fetch`. */
  start(source: Source): void {
    this.#source = source;
    this.status = this.fetch.status;
    this.byteLength = this.fetch.responseByteLength;
    takeHead(this);
  }

  write(chunk: Uint8Array): boolean {
    return this.body.write(chunk);
  }

  end(): void {
    this.body.end();
  }

  fail(error: ProxyError): void {
    this.#finish(error);
  }

  /** It goes to the store, and to those who wait for the whole. */
  allHeld(): void {
    const { body, byteLength } = this;
    if (byteLength !== -1 && body.heldBytes !== byteLength) {
      this.#finish(new ProxyError('body_broken', 'not as long as declared'));
      return;
    }
    const bytes = body.take();
    const decision = this.#decision!;
    const isAsDeclared = decision.bodyBytes === bytes.byteLength;
    const response = isAsDeclared ? decision : { ...decision, bodyBytes: bytes.byteLength };
    const stored = keep(this.context, this.task, response, bytes);
    body.store(stored.body);
    this.over('stored', stored.response.freshUntilMs);
    for (const waiter of this.audience.all) {
      // What is made of it for one, an encoding say, can be kept for all.
      if (waiter.isStreaming) {
        waiter.exchange.cached = stored;
        waiter.pump();
      } else answer(this, waiter, stored, statusOf(this, waiter));
    }
  }

  /** Who has not begun to read looks elsewhere. */
  outgrown(bytes: number): void {
    const { host, policy } = this.context;
    const { key } = this.task.request;
    this.#state = 'live';
    this.#decision = null;
    this.#forget();
    // Or there is no room at the moment, which tells nothing about the next answer.
    const isTooLong = bytes > policy.objectBytesMax;
    if (isTooLong) {
      const untilMs = Date.now() + policy.passMs;
      host.store.pass(key, untilMs);
      host.overlong.add(key, untilMs);
    }
    this.#right.release(isTooLong ? 'uncacheable' : 'failed');
    for (const waiter of this.audience.all) if (!waiter.isStreaming) release(this, waiter);
    if (this.audience.isEmpty) this.ignore();
  }

  allGiven(): void {
    this.#finish(null);
  }

  leave(waiter: Waiter, error: ProxyError): void {
    this.audience.remove(waiter);
    if (!this.audience.isEmpty) this.body.caughtUp();
    else if (!this.#isWanted() && !this.isOver) {
      this.over('failed');
      // From the head on what runs for the exchange may be a stage of its client.
      if (this.#source === null) this.context.host.cancel(this.fetch, error);
      else this.#source.cancel(error);
    }
  }

  hold(decision: StoredResponse, isShared: boolean): boolean {
    const { host, policy } = this.context;
    const held = HeldBytes.open(host.budget, this.byteLength, policy.objectBytesMax);
    if (held === null) return false;
    this.#hold(decision, isShared, held);
    return true;
  }

  relay(): void {
    this.#state = 'live';
    this.#forget();
    this.body.relay(this.#source!);
  }

  ignore(): void {
    this.over('failed');
    // A 304 has no body: it comes to its end by itself.
    if (this.status !== 304) this.#source?.cancel(UNWANTED);
  }

  releaseOthers(end: LeaseEnd, passMs: number): void {
    const { store } = this.context.host;
    if (passMs > 0) store.pass(this.task.request.key, Date.now() + passMs);
    this.#right.release(end);
    const { owner, all } = this.audience;
    for (const waiter of all) if (waiter !== owner) release(this, waiter);
  }

  /** The answer is there already, or is no answer: all look again. */
  releaseAll(how: NextLook): void {
    this.over('failed');
    for (const waiter of this.audience.all) release(this, waiter, how);
  }

  over(end: LeaseEnd, freshUntilMs = 0): void {
    this.#state = 'over';
    this.#forget();
    this.body.close();
    // That of a client that is still here is over when the client has its answer.
    if (this.ownsFetch) this.fetch.finished = true;
    if (this.task.validated !== null) this.task.validated.isRefreshing = false;
    this.#right.release(end, freshUntilMs);
  }

  #hold(decision: StoredResponse, isShared: boolean, held: HeldBytes): void {
    this.#state = 'holding';
    this.#decision = decision;
    this.#isShared = isShared;
    this.body.hold(held, this.#source!);
  }

  #finish(error: ProxyError | null): void {
    this.over(error === null ? 'uncacheable' : 'failed');
    // Who has been sent nothing yet gets what somebody who asks alone would get.
    for (const waiter of this.audience.finish(error)) release(this, waiter);
  }

  #forget(): void {
    const { fills } = this.context.host;
    if (fills.get(this.task.fillKey) === this) fills.delete(this.task.fillKey);
  }
}
