// The story of one exchange, top to bottom: identify → route → filters → cache → forward → account.
// How attempts and retries go is told in forward.ts.

import { ProxyError } from '../core/errors.ts';
import { type Exchange, type ExchangeHandler, HEAD_AT_END } from '../core/exchange.ts';
import type { Reply, Settled } from '../core/filter.ts';
import type { Plan } from '../core/plan.ts';
import { settleTarget } from '../routing/target-policy.ts';
import { monotonicMs } from '../std/clock.ts';
import { clientDone, clientLeft } from './client-end.ts';
import { identify, type RequestIds } from './filter/request-head.ts';
import { type ForwardContext, forward } from './forward.ts';
import type { Overload } from './overload.ts';
import { hangUp, replyWithFailure, sendReply } from './reply/reply.ts';
import type { Snapshot } from './snapshot.ts';

/** Who is told about every exchange once it is over: the access log and the metrics. */
export interface ExchangeRecorder {
  /** It will want the client's address. */
  readonly wantsAddress: boolean;
  record(exchange: Exchange, durationMs: number): void;
}

export interface ServerParts {
  readonly context: ForwardContext;
  readonly ids: RequestIds;
  readonly recorder: ExchangeRecorder;
  readonly overload: Overload;
}

/** Serves the exchanges of all listeners of this worker by the snapshot that is installed. */
export class Server implements ExchangeHandler {
  readonly #ids: RequestIds;
  readonly #context: ForwardContext;
  readonly #recorder: ExchangeRecorder;
  readonly #overload: Overload;
  /** Installed before any listener opens. */
  #snapshot!: Snapshot;

  constructor({ context, ids, recorder, overload }: ServerParts) {
    this.#context = context;
    this.#ids = ids;
    this.#recorder = recorder;
    this.#overload = overload;
  }

  get exchangesRunning(): number {
    return this.#context.exchangesRunning;
  }

  /** Exchanges in flight keep the plan they started with. */
  install(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
  }

  serve(exchange: Exchange): void {
    const snapshot = this.#snapshot;
    this.#context.exchangesRunning += 1;
    if (this.#recorder.wantsAddress) exchange.settleAddress();
    identify(exchange, snapshot.trust, this.#ids);

    const target = settleTarget(exchange.target, snapshot.targetPolicy);
    if (typeof target !== 'string') {
      replyWithFailure(exchange, target, snapshot.errorPages);
      return;
    }
    exchange.target = target;
    if (snapshot.jsonBodies !== null) snapshot.jsonBodies.offer(exchange);
    const { proofTokens } = snapshot;
    if (proofTokens?.isMeant(exchange)) {
      proofTokens.answer(exchange, () => this.#goOn(exchange, snapshot));
      return;
    }
    this.#route(exchange, snapshot);
  }

  /** A listener found a reason not to serve: the request is malformed or one too many. */
  refuse(exchange: Exchange, error: ProxyError): void {
    this.#context.exchangesRunning += 1;
    if (this.#recorder.wantsAddress) exchange.settleAddress();
    exchange.requestId = this.#ids.next();
    replyWithFailure(exchange, error, this.#snapshot.errorPages);
  }

  /** In place of `serve`, where no route is asked. */
  answer(exchange: Exchange, reply: Reply): void {
    this.#context.exchangesRunning += 1;
    if (this.#recorder.wantsAddress) exchange.settleAddress();
    const { trust, proofTokens } = this.#snapshot;
    identify(exchange, trust, this.#ids);
    if (proofTokens?.isMeant(exchange)) {
      proofTokens.answer(exchange, () => sendReply(exchange, reply));
      return;
    }
    sendReply(exchange, reply);
  }

  aborted(exchange: Exchange): void {
    clientLeft(exchange);
  }

  finished(exchange: Exchange): void {
    const goesOn = clientDone(exchange, this.#context);
    this.#context.exchangesRunning -= 1;
    const endedAtMs = monotonicMs();
    if (exchange.headAtMs === HEAD_AT_END) exchange.headAtMs = endedAtMs;
    this.#recorder.record(exchange, endedAtMs - exchange.startedAtMs);
    // Its client's failure, not its own.
    if (goesOn) exchange.failure = null;
  }

  #route(exchange: Exchange, snapshot: Snapshot): void {
    const found = snapshot.router.find(exchange);
    const { bodyFacts } = exchange;
    if (bodyFacts?.isWanted === true) {
      this.#routeByBody(exchange, snapshot);
      return;
    }
    if (found === null) {
      replyWithFailure(exchange, new ProxyError('no_route'), snapshot.errorPages);
      return;
    }
    const plan = found.split === null ? found : found.split.choose(exchange);
    exchange.plan = plan;
    if (exchange.startedAtMs > this.#overload.looksAtMs) this.#overload.look(exchange.startedAtMs);
    if (plan.priority <= this.#overload.refusesUpTo && this.#sheds(exchange, plan)) return;
    if (exchange.requestBody !== null && !this.#limitBody(exchange, plan)) return;
    if (plan.filters !== null && !this.#passes(exchange, plan, 0)) return;
    this.#send(exchange);
  }

  /** It has waited. */
  #goOn(exchange: Exchange, snapshot: Snapshot): void {
    exchange.wentOnAtMs = monotonicMs();
    this.#route(exchange, snapshot);
  }

  /** A route asks for what the body says: what was found without it does not count. */
  #routeByBody(exchange: Exchange, snapshot: Snapshot): void {
    exchange.captures = null;
    snapshot.jsonBodies!.read(exchange, (refusal) => {
      if (exchange.finished) return;
      if (refusal === null) this.#goOn(exchange, snapshot);
      else replyWithFailure(exchange, refusal, snapshot.errorPages);
    });
  }

  /** By its plan, which a filter may have chosen. */
  #send(exchange: Exchange): void {
    const plan = exchange.plan!;
    if (plan.cache === null || !plan.cache.serve(exchange)) forward(exchange, plan, this.#context);
  }

  /** The worker is overloaded: true when this exchange is one of those that are refused. */
  #sheds(exchange: Exchange, plan: Plan): boolean {
    const error = this.#overload.refusal(plan.priority, exchange.startedAtMs);
    if (error !== null) replyWithFailure(exchange, error);
    return error !== null;
  }

  /** From here on the body watches its limit itself; what is declared or here already is seen at once. */
  #limitBody(exchange: Exchange, plan: Plan): boolean {
    const body = exchange.requestBody!;
    const bytesMax = plan.requestBodyBytesMax;
    body.bytesMax = bytesMax;
    const knownBytes = Math.max(body.byteLength, exchange.bytesReceived);
    if (bytesMax === 0 || knownBytes <= bytesMax) return true;
    replyWithFailure(exchange, new ProxyError('body_too_large'));
    return false;
  }

  /**
   * Runs the filters from `from` on; true when all of them let the exchange pass. A filter that needs
   * time leaves the straight line here: the rest runs when its promise settles.
   */
  #passes(exchange: Exchange, plan: Plan, from: number): boolean {
    const filters = plan.filters!;
    for (let at = from; at < filters.length; at++) {
      const verdict = filters[at]!.apply(exchange);
      if (verdict === undefined) continue;
      if (verdict instanceof Promise) {
        verdict.then(
          (settled) => this.#resume(exchange, plan, at + 1, settled),
          (reason: unknown) => this.#filterFailed(exchange, filters[at]!.name, reason),
        );
      } else {
        this.#answer(exchange, verdict);
      }
      return false;
    }
    return true;
  }

  #resume(exchange: Exchange, plan: Plan, from: number, verdict: Settled): void {
    if (exchange.finished) return;
    exchange.wentOnAtMs = monotonicMs();
    if (verdict !== undefined) this.#answer(exchange, verdict);
    else if (this.#passes(exchange, plan, from)) this.#send(exchange);
  }

  #answer(exchange: Exchange, verdict: Reply | ProxyError): void {
    if (!(verdict instanceof ProxyError)) sendReply(exchange, verdict);
    else if (verdict.code === 'closed') hangUp(exchange, verdict);
    else replyWithFailure(exchange, verdict);
  }

  #filterFailed(exchange: Exchange, name: string, reason: unknown): void {
    if (exchange.finished) return;
    replyWithFailure(exchange, new ProxyError('internal_error', `filter ${name}: ${reason}`));
  }
}
