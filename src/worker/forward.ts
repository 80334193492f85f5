// One exchange on its way to an upstream: attempts, retries, and the response back to the client.
//
//   attempt ──onHead──► responding ──onDone──► over
//      │  ▲
//      │  └── back-off ◄─┐ may be repeated, on another peer, before the head only
//      └──onFailure──────┴► reply with the failure

import { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Hedgeable } from '../core/hedging.ts';
import type { Peer } from '../core/peer.ts';
import type { Plan } from '../core/plan.ts';
import type { Queue, Ticket, Waiter } from '../core/queue.ts';
import type { Sink, Source } from '../core/sink.ts';
import type { TunnelAttempt } from '../core/tunnel.ts';
import { monotonicMs } from '../std/clock.ts';
import { attachPlan } from './attach-stages.ts';
import { peerRequestHeaders } from './filter/request-head.ts';
import { cleanResponseHead } from './filter/response-head.ts';
import { type FirstAttempt, type HedgeContext, hedge, type SecondAttempt } from './hedge.ts';
import { holdPeer, releasePeer } from './hold.ts';
import { Leftover, mayReplace, statusFailure } from './leftover.ts';
import type { Mirrors } from './mirror.ts';
import { noteBody, noteBreak, noteEnd, noteFailure, noteHead } from './outcome.ts';
import { replyWithFailure } from './reply/reply.ts';
import { BUDGET_WAITS_MAX, backoffMs, hasBudget, mayRetry } from './retry.ts';

/** What forwarding shares with all other exchanges of this worker. */
export interface ForwardContext extends HedgeContext {
  /** Exchanges that run now. */
  exchangesRunning: number;
  /** Retries since this worker started. */
  retries: number;
  readonly mirrors: Mirrors;
  readonly random: () => number;
}

/** Sends the exchange to its plan's upstream; `exchange.plan` is set. */
export function forward(exchange: Exchange, plan: Plan, context: ForwardContext): void {
  const refusal = plan.breaker === null ? null : plan.breaker.refuse();
  if (refusal !== null) {
    replyWithFailure(exchange, refusal);
    return;
  }
  exchange.requestHeaders = peerRequestHeaders(exchange, plan.requestHead);
  if (plan.session !== null) plan.session.open(exchange);
  new Forwarding(exchange, plan, context).attempt();
}

class Forwarding implements TunnelAttempt, Source, Waiter, Hedgeable, FirstAttempt {
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly context: ForwardContext;
  #backoff: NodeJS.Timeout | null = null;
  /** Its place while it waits, or waited, for a peer with room. */
  #ticket: Ticket | null = null;
  /** When the running attempt began. */
  #sentAtMs = 0;
  #error: ProxyError | null = null;
  /** Beside the first attempt, when that takes long. */
  #second: SecondAttempt | null = null;
  /** Of a response that a further attempt replaces, while it is read to its end. */
  #leftover: Leftover | null = null;
  /** Of the response. */
  #source: Source | null = null;
  /** For a shadow upstream, from the head of the response to its end. */
  #copy: Exchange | null = null;

  constructor(exchange: Exchange, plan: Plan, context: ForwardContext) {
    this.exchange = exchange;
    this.plan = plan;
    this.context = context;
  }

  /** Nobody overtakes who waits for a peer already. */
  attempt(): void {
    const { queue, balancer } = this.plan;
    const peer = queue?.isBusy === true ? null : balancer.pick(this.exchange);
    if (peer !== null) this.admit(peer);
    else this.#wait(queue);
  }

  #wait(queue: Queue | null): void {
    const place = queue === null ? null : queue.join(this);
    if (place === null || place instanceof ProxyError) {
      this.refuse(place ?? new ProxyError('no_peer'));
      return;
    }
    this.#ticket = place;
    this.exchange.running = this;
  }

  /** No peer for this attempt: what went wrong before it says more. */
  refuse(error: ProxyError): void {
    this.exchange.running = null;
    replyWithFailure(this.exchange, this.#error ?? error);
  }

  admit(peer: Peer): void {
    const { exchange, plan } = this;
    exchange.running = null;
    holdPeer(exchange, peer, this.context);
    this.#sentAtMs = monotonicMs();
    if (exchange.webSocket === null) plan.upstream.send(exchange, peer, this);
    else plan.tunnel.send(exchange, peer, this);
    if (plan.hedging !== null && exchange.attempts === 1) plan.hedging.watch(this);
  }

  /** The first attempt takes longer than most. */
  hedge(): void {
    if (this.exchange.webSocket === null) this.#second = hedge(this, this.plan.hedging!);
  }

  /** The second attempt takes the place of the first, which was slow for its peer, or had failed. */
  won(source: Source, sentAtMs: number): Sink {
    this.#second = null;
    this.plan.hedging!.sample(monotonicMs() - this.#sentAtMs);
    this.#sentAtMs = sentAtMs;
    return this.onHead(source);
  }

  onHead(source: Source): Sink {
    const { exchange, plan } = this;
    const error = statusFailure(exchange, plan);
    if (error !== null && mayReplace(exchange, error, plan)) return this.#passOver(source, error);
    this.#source = source;
    exchange.running = source;
    exchange.headAtMs = monotonicMs();
    if (this.#second !== null) this.#second.lose();
    this.#sample(exchange.headAtMs);
    if (plan.mirror !== null) this.#copy = this.context.mirrors.copy(exchange, plan.mirror);
    exchange.requestBody?.release();
    noteHead(exchange, this.context.peers);
    cleanResponseHead(exchange, plan.responseHead);
    if (plan.session !== null) plan.session.settle(exchange);
    const isPlain = plan.peerStages === null && plan.clientStages === null && plan.cache === null;
    return isPlain ? exchange.client : attachPlan(exchange, plan);
  }

  /** The response counts as a failed attempt, and another one follows. */
  #passOver(source: Source, error: ProxyError): Leftover {
    const leftover = new Leftover(source);
    this.#leftover = leftover;
    this.onFailure(error);
    leftover.weigh(this.exchange);
    return leftover;
  }

  onFailure(error: ProxyError): void {
    const exchange = this.exchange;
    releasePeer(exchange, this.context);
    exchange.running = null;
    // A refusal is quick and tells nothing about the time of an answer; a timeout does.
    if (error.failure.status === 504) this.#sample(monotonicMs());
    noteFailure(exchange, error, this.context.peers);
    if (exchange.finished || this.#second?.standsIn(error) === true) return;
    this.goOn(error);
  }

  /** With another attempt, or the failure as the answer. */
  goOn(error: ProxyError): void {
    const { exchange } = this;
    this.#second = null;
    if (!mayRetry(exchange, error, this.plan.retry)) {
      this.#giveUp(error);
      return;
    }
    this.#error = error;
    exchange.tried ??= [];
    exchange.tried.push(exchange.peer!);
    this.#waitAndRetry(error, 1);
  }

  #giveUp(error: ProxyError): void {
    noteEnd(this.exchange, error, this.context.peers);
    replyWithFailure(this.exchange, error);
  }

  onUpgraded(source: Source): void {
    const { exchange, plan } = this;
    this.#source = source;
    exchange.running = source;
    exchange.headAtMs = monotonicMs();
    this.#sample(exchange.headAtMs);
    noteHead(exchange, this.context.peers);
    cleanResponseHead(exchange, plan.responseHead);
    if (plan.session !== null) plan.session.settle(exchange);
  }

  onDone(error: ProxyError | null): void {
    const exchange = this.exchange;
    if (this.#leftover?.takesEnd() === true) return;
    releasePeer(exchange, this.context);
    // A stage that is not done with the body yet stays.
    if (exchange.running === this.#source) exchange.running = null;
    // What the live peer did not answer as a whole is no good for a comparison.
    if (this.#copy !== null) this.context.mirrors.settle(this.#copy, error === null);
    if (error === null) {
      noteBody(exchange, this.context.peers);
      return;
    }
    exchange.failure ??= error;
    noteBreak(exchange, error, this.context.peers);
  }

  /** `waits` counts those that found the budget spent, and this one. */
  #waitAndRetry(error: ProxyError, waits: number): void {
    const { exchange, context } = this;
    const policy = this.plan.retry!;
    exchange.running = this;
    // The one timer per exchange: only on the way of a failure, never on the straight line.
    this.#backoff = setTimeout(
      () => {
        this.#backoff = null;
        exchange.running = null;
        this.#leftover?.drop();
        if (hasBudget(policy, exchange.peer!.group)) {
          context.retries += 1;
          this.attempt();
        } else if (waits < BUDGET_WAITS_MAX) this.#waitAndRetry(error, waits + 1);
        else this.#giveUp(error);
      },
      backoffMs(exchange.attempts + waits - 1, policy, context.random),
    );
  }

  #sample(nowMs: number): void {
    const timeMs = nowMs - this.#sentAtMs;
    const peer = this.exchange.peer!;
    peer.headTimes.add(timeMs);
    if (!this.plan.samplesLatency) return;
    peer.latency.add(timeMs, nowMs);
    if (this.plan.hedging !== null) this.plan.hedging.sample(timeMs);
  }

  // As the thing that runs while waiting for the next attempt: it can only be cancelled.
  pause(): void {}
  resume(): void {}
  cancel(): void {
    if (this.#backoff !== null) clearTimeout(this.#backoff);
    this.#backoff = null;
    this.#ticket?.leave();
    this.#leftover?.drop();
  }
}
