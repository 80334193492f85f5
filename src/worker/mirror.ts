// Copies of live requests for a shadow upstream: sent when the live response is complete, its answers
// thrown away. Bounded, and out of the way: a copy never waits, is never repeated, and is given up rather
// than kept when too many are on their way.
//
//   head of the live response: `copy` (the body is held for the last time) ──► its end: `settle`

import { copyExchange } from '../core/copy-exchange.ts';
import type { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import { limits } from '../core/limits.ts';
import type { Mirror } from '../core/plan.ts';
import type { Sink } from '../core/sink.ts';
import type { Attempt } from '../core/upstream.ts';
import { HeldBody } from './held-body.ts';
import { type HoldContext, holdPeer, type PeerReports, releasePeer } from './hold.ts';
import { noteAnswer, noteFailure } from './outcome.ts';

/** What became of the requests that were to be copied, since this worker started. */
export interface MirrorCounters {
  /** Sent to a shadow peer. */
  sent: number;
  /** Too many were on their way, the body was not held as a whole, or there was no peer. */
  dropped: number;
}

/** Where answers of shadows and replies to copies go. */
const NOWHERE: Sink = { start() {}, write: () => true, end() {}, fail() {} };

/** The copies of one worker. */
export class Mirrors {
  readonly counters: MirrorCounters = { sent: 0, dropped: 0 };
  readonly #context: HoldContext;
  readonly #random: () => number;
  readonly #inFlightMax: number;
  /** Copies that are made and not over. */
  #inFlight = 0;

  constructor(
    peers: PeerReports,
    random: () => number,
    inFlightMax: number = limits.mirrorsInFlightMax,
  ) {
    this.#context = { peers };
    this.#random = random;
    this.#inFlightMax = inFlightMax;
  }

  /** Returns a copy of the request for the shadow, or null when there is to be none. */
  copy(exchange: Exchange, mirror: Mirror): Exchange | null {
    if (exchange.webSocket !== null || this.#random() >= mirror.ratio) return null;
    const body = exchange.requestBody;
    const complete = body === null ? null : body.complete;
    if (this.#inFlight >= this.#inFlightMax || (body !== null && complete === null)) {
      this.counters.dropped += 1;
      return null;
    }
    this.#inFlight += 1;
    return copyExchange(exchange, {
      plan: mirror.plan,
      client: NOWHERE,
      method: exchange.method,
      headers: exchange.requestHeaders,
      body: complete === null ? null : new HeldBody(complete),
      startedAtMs: exchange.startedAtMs,
    });
  }

  /** The live response is over: sends the copy, not before this turn is over, or gives it up. */
  settle(copy: Exchange, isComplete: boolean): void {
    if (isComplete) setImmediate(() => this.#send(copy));
    else this.#drop();
  }

  #send(copy: Exchange): void {
    const { balancer, upstream } = copy.plan!;
    const peer = balancer.pick(copy);
    if (peer === null) {
      this.#drop();
      return;
    }
    this.counters.sent += 1;
    holdPeer(copy, peer, this.#context);
    const onOver = () => {
      this.#inFlight -= 1;
    };
    upstream.send(copy, peer, new ShadowAttempt(copy, this.#context, onOver));
  }

  #drop(): void {
    this.#inFlight -= 1;
    this.counters.dropped += 1;
  }
}

/** The only attempt of a copy: what it learns counts for the shadow peer and for nobody else. */
class ShadowAttempt implements Attempt {
  readonly #copy: Exchange;
  readonly #context: HoldContext;
  readonly #onOver: () => void;

  constructor(copy: Exchange, context: HoldContext, onOver: () => void) {
    this.#copy = copy;
    this.#context = context;
    this.#onOver = onOver;
  }

  onHead(): Sink {
    noteAnswer(this.#copy, this.#context.peers);
    return NOWHERE;
  }

  onFailure(error: ProxyError): void {
    releasePeer(this.#copy, this.#context);
    noteFailure(this.#copy, error, this.#context.peers);
    this.#onOver();
  }

  onDone(error: ProxyError | null): void {
    releasePeer(this.#copy, this.#context);
    if (error?.failure.source === 'peer') {
      const peer = this.#copy.peer!;
      peer.failures += 1;
      this.#context.peers.failed(peer, error);
    }
    this.#onOver();
  }
}
