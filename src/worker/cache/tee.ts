// A miss that goes to its peer as any request does, and whose answer goes to its client as it comes; what the
// store is to have is copied on the way. That will do as long as nobody else waits for it and the answer is
// short. In all other cases a fill takes over.
//
//   seeking ──lease──► asked ──head──► copying ──end──► stored
//      │                 │               └── somebody joins ─► a fill has the copy from then on
//      │                 ├── somebody joins; an answer that is long, or of unknown length ─► a fill
//      │                 └── not to be stored ─► the answer goes on as if there were no cache
//      ├── somebody joins ─► a fill, with an exchange of its own
//      └── another worker has fetched ─► the exchange looks again

import type { CacheFetch, LeaseEnd, StoredResponse } from '../../core/cache.ts';
import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { limits } from '../../core/limits.ts';
import type { Sink, Source } from '../../core/sink.ts';
import { isBeingPurged } from './being-purged.ts';
import { addStatus, type ForwardReason, forwardStatus } from './cache-status.ts';
import { decide } from './fetch-exchange.ts';
import { type Fetcher, FetchRight } from './fetch-right.ts';
import { Fill } from './fill.ts';
import { type FillContext, type FillTask, type Joinable, keep } from './fill-context.ts';
import { ownFields, passMsAfter, takeHead } from './fill-outcome.ts';
import { HeldBytes } from './held-bytes.ts';
import { isFailure } from './reuse.ts';
import { isShareable } from './store-decision.ts';
import { matchesVary, variantKey } from './vary.ts';
import { NO_WISHES, type Wishes } from './waiter.ts';

const NO_BYTES = new Uint8Array(0);
/** Longer ones wait for their client too often: the store and those who join shall not. */
const TEE_BYTES_MAX = limits.streamHighWaterBytes;

export class Tee implements CacheFetch, Fetcher, Joinable, Sink, Source {
  readonly #context: FillContext;
  readonly #task: FillTask;
  readonly #reason: ForwardReason;
  #state: 'seeking' | 'asked' | 'copying' | 'stored' | 'over' = 'seeking';
  /** `run` has returned, and the exchange waits. */
  #isHeldUp = false;
  /** Null: it goes without. */
  #right: FetchRight | null = null;
  #sentAtMs: number;
  /** Has taken over, or has the copy. */
  #fill: Fill | null = null;
  #decision: StoredResponse | null = null;
  #isShared = false;
  /** Only for a body that comes in pieces. */
  #held: HeldBytes | null = null;
  #source: Source | null = null;
  /** The client, with its stages; null when it is gone. */
  #next: Sink | null = null;

  constructor(context: FillContext, task: FillTask, why: { reason: ForwardReason; nowMs: number }) {
    this.#context = context;
    this.#task = task;
    this.#reason = why.reason;
    this.#sentAtMs = why.nowMs;
    task.client.cacheFetch = this;
  }

  /** `isAlone`: at once. False when the exchange is to be forwarded now; else it will be, or is answered. */
  run(isAlone: boolean): boolean {
    if (isAlone) {
      this.send();
    } else {
      this.#right = new FetchRight(this);
      this.#context.host.store.lease(this.#task.fillKey, this.#right);
    }
    if (this.#state !== 'seeking') return this.#state === 'over';
    this.#isHeldUp = true;
    this.#task.client.running = this;
    return true;
  }

  send(): void {
    this.#state = 'asked';
    if (!this.#isHeldUp) return;
    this.#sentAtMs = Date.now();
    const { client } = this.#task;
    client.running = null;
    this.#context.host.forward(client, client.plan!);
  }

  elsewhere(): void {
    this.#over('failed');
    this.#task.client.running = null;
    this.#context.again(this.#task.client, 'together', null);
  }

  get isOutdated(): boolean {
    return this.#task.request.generation !== this.#context.host.store.generation;
  }

  canJoin(exchange: Exchange): boolean {
    const { request } = this.#task;
    if (this.isOutdated || isBeingPurged(request, exchange, this.#context.host.store)) return false;
    if (this.#state !== 'copying') return this.#state === 'seeking' || this.#state === 'asked';
    if (!this.#isShared || !this.#hasRoom()) return false;
    return matchesVary(this.#decision!.vary, exchange.requestHeaders);
  }

  otherKey(exchange: Exchange): string | null {
    if (this.#state !== 'copying' || !this.#isShared) return null;
    const { key, vary } = this.#decision!;
    return variantKey(key, vary, exchange.requestHeaders);
  }

  join(exchange: Exchange, wanted: Wishes, reason: ForwardReason): void {
    const fill = this.#state === 'seeking' ? this.#startOver() : this.#takenOver();
    if (this.#state === 'copying') {
      fill.holdOn(this.#decision!, this.#held ?? this.#hold()!, this.#source!);
      this.#held = null;
    }
    fill.join(exchange, wanted, reason);
  }

  attach(): Sink {
    const { client: exchange, request } = this.#task;
    // What peers are told of it is not what its client said, whose stages are next.
    exchange.requestHeaders = request.headers;
    if (this.#fill !== null) return this.#fill.attach(null);
    const { answers, host, policy } = this.#context;
    const { status, responseByteLength: byteLength } = exchange;
    const decision = decide(exchange, this.#sentAtMs, request, this.#context);
    if (decision === null) {
      this.#pass(isFailure(status) ? 'failed' : 'uncacheable', passMsAfter(status, policy));
    } else if (byteLength === -1 || byteLength > TEE_BYTES_MAX) {
      return this.#takenOver().attach(decision);
    } else if (!host.budget.hasRoom(byteLength)) {
      this.#pass('failed', 0);
    } else {
      this.#copy(decision, isShareable(decision, decision.storedAtMs));
    }
    exchange.responseHeaders = ownFields(exchange);
    if (answers.statusName !== null) {
      const isStored = this.#decision !== null;
      const how = { reason: this.#reason, status: 0, isStored, isCollapsed: false };
      addStatus(exchange.responseHeaders, forwardStatus(answers.statusName, how));
    }
    const next = answers.stages === null ? exchange.client : answers.stages(exchange);
    if (this.#decision === null) return next;
    this.#next = next;
    return this;
  }

  /** Those who joined are told the same now: the client may take its time to read it. */
  refused(): void {
    const fill = this.#fill;
    // A fill whose exchange has no other client is told as that.
    if (this.#state !== 'asked' || fill?.ownsFetch === true) return;
    const { client, request } = this.#task;
    client.requestHeaders = request.headers;
    if (fill?.isWaiting === true) takeHead(fill);
    this.#over('failed');
  }

  outlivesClient(): boolean {
    if (this.#state !== 'asked') return false;
    const fill = this.#fill;
    if (fill?.isWaiting !== true) {
      if (fill === null) this.#over('failed');
      return false;
    }
    if (fill.audience.isEmpty) {
      fill.over('failed');
      return false;
    }
    fill.keepFetch();
    return true;
  }

  goesOn(): boolean {
    const fill = this.#fill;
    if (this.#state === 'copying' || this.#state === 'stored') {
      this.#next = null;
      return true;
    }
    if (fill === null || fill.isOver) {
      this.#over('failed');
      return false;
    }
    // Its listener gave it up, which is no fault of the peer: the others are given up as well.
    if (fill.isWaiting && !fill.ownsFetch) this.refused();
    else fill.keepFetch();
    return !fill.isOver;
  }

  start(source: Source): void {
    this.#source = source;
    this.#task.client.running = this;
    this.#next!.start(this);
  }

  /** Never held up by the client: the body is short, and its connection keeps what it does not take. */
  write(chunk: Uint8Array): boolean {
    if (this.#fill !== null) this.#fill.write(chunk);
    else if (this.#state === 'copying') this.#take(chunk);
    this.#next?.write(chunk);
    return true;
  }

  end(): void {
    const next = this.#next;
    if (this.#fill !== null) this.#fill.end();
    else if (this.#state === 'copying') this.#storeHeld();
    this.#over('stored');
    next?.end();
  }

  fail(error: ProxyError): void {
    const next = this.#next;
    // It had all its bytes, and yet broke off.
    if (this.#state === 'stored') this.#context.host.store.remove(this.#task.request.key);
    this.#fill?.fail(error);
    this.#over('failed');
    next?.fail(error);
  }

  // As what runs for the client.
  pause(): void {}
  resume(): void {}

  /** The client has left. What comes to be stored goes on coming. */
  cancel(error: ProxyError): void {
    this.#next = null;
    if (this.#state === 'seeking') this.#over('failed');
    else if (this.#state === 'over') this.#source?.cancel(error);
  }

  #copy(decision: StoredResponse, isShared: boolean): void {
    this.#state = 'copying';
    this.#decision = decision;
    this.#isShared = isShared;
    if (isShared) return;
    const { host, policy } = this.#context;
    host.store.pass(this.#task.request.key, Date.now() + policy.passMs);
    this.#right?.release('uncacheable');
  }

  /** Nothing is stored: everybody may ask for himself, for so long. */
  #pass(end: LeaseEnd, passMs: number): void {
    const { store } = this.#context.host;
    if (passMs > 0) store.pass(this.#task.request.key, Date.now() + passMs);
    this.#over(end);
  }

  /** Mostly a chunk is the whole body: then it goes into the store as it is, and no buffer is made for it. */
  #take(chunk: Uint8Array): void {
    if (this.#held === null && chunk.byteLength === this.#decision!.bodyBytes) {
      const { byteLength, buffer } = chunk;
      // The store copies what it keeps, but for buffers of their own, and what goes to disk later.
      const isLent = byteLength === buffer.byteLength || this.#context.host.store.hasDisk;
      this.#store(isLent ? new Uint8Array(chunk) : chunk);
    } else {
      const held = this.#held ?? this.#hold();
      if (held?.append(chunk) !== true) this.#pass('failed', 0);
    }
  }

  #hold(): HeldBytes | null {
    const { host, policy } = this.#context;
    this.#held = HeldBytes.open(host.budget, this.#decision!.bodyBytes, policy.objectBytesMax);
    return this.#held;
  }

  #hasRoom(): boolean {
    return this.#held !== null || this.#context.host.budget.hasRoom(this.#decision!.bodyBytes);
  }

  /** What has come is all that will come. */
  #storeHeld(): void {
    const body = this.#held?.take() ?? NO_BYTES;
    if (body.byteLength === this.#decision!.bodyBytes) this.#store(body);
    else this.#over('failed');
  }

  #store(body: Uint8Array): void {
    const { freshUntilMs } = keep(this.#context, this.#task, this.#decision!, body).response;
    // First: whoever learns by the lease that it is stored must not join what has no copy any more.
    this.#leave();
    this.#state = 'stored';
    this.#right?.release('stored', freshUntilMs);
  }

  /** Somebody else wants it: a fill goes on with the exchange as it is. */
  #takenOver(): Fill {
    const { client } = this.#task;
    // It may be wanted when the client is gone.
    client.settleAddress();
    const running = { sentAtMs: this.#sentAtMs, reason: this.#reason };
    return this.#replaceBy(new Fill(this.#context, this.#task, { running, right: this.#right }));
  }

  /** Nothing was sent yet: a fill will ask with an exchange of its own, and this client waits with the others. */
  #startOver(): Fill {
    const fill = this.#replaceBy(new Fill(this.#context, this.#task, { right: this.#right }));
    this.#over('failed');
    fill.join(this.#task.client, NO_WISHES, this.#reason);
    return fill;
  }

  #replaceBy(fill: Fill): Fill {
    const { fills } = this.#context.host;
    const { fillKey } = this.#task;
    if (fills.get(fillKey) === this) fills.set(fillKey, fill);
    this.#fill = fill;
    return fill;
  }

  /** Nobody joins any more, nothing is held. */
  #leave(): void {
    const { fills } = this.#context.host;
    const { fillKey } = this.#task;
    if (fills.get(fillKey) === this) fills.delete(fillKey);
    this.#held?.release();
    this.#held = null;
  }

  /** Idempotent. */
  #over(end: LeaseEnd): void {
    const { client } = this.#task;
    if (this.#state === 'over') return;
    if (this.#state !== 'stored') this.#leave();
    this.#state = 'over';
    if (this.#fill === null) this.#right?.release(end);
    client.cacheFetch = null;
    // It went on without its client.
    if (this.#source !== null && this.#next === null) client.finished = true;
  }
}
