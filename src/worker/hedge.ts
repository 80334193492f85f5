// A second attempt beside a first one that takes long: the first head wins, the other is cancelled. When it
// begins is known to hedge-clock.ts.
//
//   first ───────────── head ──► the second is cancelled, without blame
//     └─ delay ─ second ─ head ─► the first is cancelled; the second goes on in its place
//   first fails ──► nothing is said while the second runs: it stands for the retry
//   second fails, or counts as failed by its status ──► as if it had never been, or, when the first failed
//   too, the exchange goes on with that

import { copyExchange } from '../core/copy-exchange.ts';
import { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Hedging } from '../core/hedging.ts';
import type { Peer } from '../core/peer.ts';
import type { Plan } from '../core/plan.ts';
import type { Sink, Source } from '../core/sink.ts';
import type { Attempt } from '../core/upstream.ts';
import { monotonicMs } from '../std/clock.ts';
import { HeldBody } from './held-body.ts';
import { type HoldContext, holdPeer, releasePeer } from './hold.ts';
import { Leftover, statusFailure } from './leftover.ts';
import { noteFailure } from './outcome.ts';
import { hasBudget, isIdempotent } from './retry.ts';

/** What second attempts share with all others of a worker. */
export interface HedgeContext extends HoldContext {
  /** Second attempts since this worker started, and those of them that were first. */
  hedges: number;
  hedgesWon: number;
}

/** The exchange with its first attempt, as the second one knows it. */
export interface FirstAttempt {
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly context: HedgeContext;
  /** The second attempt has a response head, which is in the exchange; the first one is over. */
  won(source: Source, sentAtMs: number): Sink;
  onDone(error: ProxyError | null): void;
  /** Both attempts have failed, the first one by this error. */
  goOn(error: ProxyError): void;
}

/** What is waited for no longer; nobody is told this. */
const OVERTAKEN = new ProxyError('client_closed', 'another attempt was faster');

/** Begins a second attempt; null when it may not be or there is no other peer. */
export function hedge(first: FirstAttempt, policy: Hedging): SecondAttempt | null {
  const { exchange, plan, context } = first;
  // Over, answered, failed and waiting for its retry, or waiting for room: nothing to be faster than.
  if (exchange.finished || exchange.headAtMs !== 0) return null;
  if (!exchange.holdsPeer || exchange.attempts !== 1 || exchange.running === null) return null;
  const { requestBody } = exchange;
  if (!isIdempotent(exchange.method) || requestBody?.complete === null) return null;
  if (plan.queue?.isBusy === true || !hasBudget(policy.budget, exchange.peer!.group)) return null;
  const twin = twinOf(exchange, plan);
  const peer = plan.balancer.pick(twin);
  if (peer === null) return null;
  context.hedges += 1;
  return new SecondAttempt(first, twin, exchange.running).begin(peer);
}

/** The exchange as the second attempt may fill it while the first one goes on. */
function twinOf(exchange: Exchange, plan: Plan): Exchange {
  const complete = exchange.requestBody === null ? null : exchange.requestBody.complete;
  const twin = copyExchange(exchange, {
    plan,
    client: exchange.client,
    method: exchange.method,
    headers: exchange.requestHeaders,
    body: complete === null ? null : new HeldBody(complete),
    startedAtMs: exchange.startedAtMs,
  });
  twin.tried = [exchange.peer!];
  // It is the second attempt, and counts as one.
  twin.attempts = 1;
  return twin;
}

export class SecondAttempt implements Attempt, Source, Sink {
  readonly #first: FirstAttempt;
  readonly #twin: Exchange;
  readonly #running: Source;
  #firstError: ProxyError | null = null;
  /** Where the response goes when it has won. */
  #sink: Sink | null = null;
  #sentAtMs = 0;
  #isOver = false;
  #hasWon = false;

  /** `running` is what cancels the first attempt. */
  constructor(first: FirstAttempt, twin: Exchange, running: Source) {
    this.#first = first;
    this.#twin = twin;
    this.#running = running;
  }

  /** Sends it; from now on this is what runs, for both. */
  begin(peer: Peer): this {
    const { exchange, plan, context } = this.#first;
    exchange.running = this;
    holdPeer(this.#twin, peer, context);
    this.#sentAtMs = monotonicMs();
    plan.upstream.send(this.#twin, peer, this);
    return this;
  }

  /** The first attempt has failed: tells whether the second one goes on for it. */
  standsIn(error: ProxyError): boolean {
    if (this.#isOver || this.#hasWon) return false;
    this.#firstError = error;
    this.#first.exchange.running = this;
    return true;
  }

  /** The first attempt has a head. */
  lose(): void {
    if (!this.#isOver && !this.#hasWon) this.#drop();
  }

  onHead(source: Source): Sink {
    const { exchange, plan, context } = this.#first;
    const twin = this.#twin;
    const error = statusFailure(twin, plan);
    // A quick refusal is no reason to give up on the first attempt.
    if (error !== null && this.#firstError === null) return this.#passOver(source, error);
    this.#hasWon = true;
    if (this.#firstError !== null) {
      exchange.tried ??= [];
      exchange.tried.push(exchange.peer!);
    }
    context.hedgesWon += 1;
    if (this.#firstError === null) this.#running.cancel(OVERTAKEN);
    exchange.responseDate = twin.responseDate;
    releasePeer(exchange, context);
    exchange.peer = twin.peer;
    exchange.attempts += 1;
    exchange.holdsPeer = true;
    twin.holdsPeer = false;
    exchange.status = twin.status;
    exchange.responseHeaders = twin.responseHeaders;
    exchange.responseByteLength = twin.responseByteLength;
    this.#sink = this.#first.won(source, this.#sentAtMs);
    return this;
  }

  #passOver(source: Source, error: ProxyError): Leftover {
    const leftover = new Leftover(source);
    this.onFailure(error);
    leftover.weigh(this.#twin);
    return leftover;
  }

  onFailure(error: ProxyError): void {
    const { exchange, context } = this.#first;
    this.#isOver = true;
    releasePeer(this.#twin, context);
    noteFailure(this.#twin, error, context.peers);
    exchange.running = this.#running;
    if (this.#firstError === null) return;
    exchange.running = null;
    exchange.attempts += 1;
    exchange.tried ??= [];
    exchange.tried.push(this.#twin.peer!);
    this.#first.goOn(this.#firstError);
  }

  onDone(error: ProxyError | null): void {
    if (this.#hasWon) this.#first.onDone(error);
  }

  // As sink of the response that has won.
  start(source: Source): void {
    this.#sink!.start(source);
  }
  write(chunk: Uint8Array): boolean {
    return this.#sink!.write(chunk);
  }
  end(): void {
    // They come last.
    this.#first.exchange.responseTrailers = this.#twin.responseTrailers;
    this.#sink!.end();
  }
  fail(error: ProxyError): void {
    this.#sink!.fail(error);
  }

  // As what runs while there are two: it can only be cancelled.
  pause(): void {}
  resume(): void {}
  cancel(error: ProxyError): void {
    if (this.#firstError === null) this.#running.cancel(error);
    if (!this.#isOver && !this.#hasWon) this.#drop();
  }

  #drop(): void {
    this.#isOver = true;
    this.#twin.running?.cancel(OVERTAKEN);
    releasePeer(this.#twin, this.#first.context);
  }
}
