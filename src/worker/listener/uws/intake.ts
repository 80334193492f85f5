// Where requests come in: head → exchange → handler, at once or at the end of the turn.
//
// At the end of the turn: what is refused (an answer given while the engine parses does not stop it, and
// what follows in the same segment would be served), whatever comes with Transfer-Encoding (same reason),
// and all bodies that are not complete, so that the handler gets small ones in one piece.

import type { HttpRequest, HttpResponse, us_socket_context_t } from 'uWebSockets.js';
import { ProxyError } from '../../../core/errors.ts';
import { Exchange } from '../../../core/exchange.ts';
import { monotonicMs } from '../../../std/clock.ts';
import { ClientSink } from './client-sink.ts';
import { enterEvent } from './engine-cork.ts';
import type { ListenerState } from './listener-state.ts';
import { ReceivedBody } from './request-body.ts';
import { type ReceivedHead, readRequestHead } from './request-head.ts';
import { UpgradeRequest } from './upgrade-request.ts';

const UPGRADE_FIELDS = '\r\nupgrade: websocket\r\nsec-websocket-version: 13';

/** Takes the requests of one listener from the engine to the handler. */
export class Intake {
  readonly #state: ListenerState;
  /** What wants to be looked at when the engine has parsed all that is here. */
  #atEndOfTurn: ClientSink[] = [];
  readonly #endTurn = () => this.#finishTurn();

  constructor(state: ListenerState) {
    this.#state = state;
  }

  /**
   * The engine's handler for requests. `method`: where the engine has told it apart, else ''. `context`
   * comes with those that it would let upgrade. Never throws: that would end the process.
   */
  take(
    response: HttpResponse,
    request: HttpRequest,
    method: string,
    context: us_socket_context_t | null,
  ): void {
    let sink: ClientSink | null = null;
    try {
      const received = readRequestHead(request, method, this.#state.settings.requestHeaderCount);
      sink = new ClientSink(this.#state, response, received);
      this.#admit(sink, received, response, context);
      if (sink.isPending) this.#watch(sink, response);
    } catch (error) {
      this.#state.report(error);
      this.#rescue(sink, response);
    }
  }

  /**
   * Without an answer by now the engine must be told what to call when the client leaves: it ends the
   * process otherwise. Most cache hits are spared this call, a closure, and two handles that keep closure
   * and response alive in the engine (a tenth of all that a hit costs outside of the kernel).
   */
  #watch(sink: ClientSink, response: HttpResponse): void {
    // Who closed all connections during the handler has closed this one, too, and nobody was told.
    if (this.#state.isClosed) this.#abort(sink);
    else response.onAborted(() => this.#abort(sink));
  }

  #admit(
    sink: ClientSink,
    received: ReceivedHead,
    response: HttpResponse,
    context: us_socket_context_t | null,
  ): void {
    const state = this.#state;
    const { method, target, host, headers } = received;
    const refusal = this.#refusalOf(received, context);
    const webSocket =
      received.wantsWebSocket && refusal === null
        ? new UpgradeRequest(state, sink, received, context!)
        : null;
    const body = bodyOf(state, sink, received);
    const exchange = new Exchange(
      { entry: state.entry, method, target, host, headers, remoteAddress: sink, body, webSocket },
      sink,
      monotonicMs(),
    );
    sink.exchange = exchange;
    state.exchangesRunning += 1;
    if (body !== null) {
      response.onData((chunk, isLast) => this.#receive(sink, body, chunk, isLast));
    } else if (refusal === null) {
      enterEvent(sink);
      state.handler.serve(exchange);
      return;
    }
    sink.body = body;
    sink.refusal = refusal;
    // Who sends such things is wanted in the log, also when the connection is cut before anybody asks.
    if (refusal !== null || received.isChunked) exchange.settleAddress();
    this.#later(sink);
    if (received.mustCut) sink.take()?.close();
    if (refusal?.code === 'upgrade_required') sink.hopFields = UPGRADE_FIELDS;
  }

  #refusalOf(received: ReceivedHead, context: us_socket_context_t | null): ProxyError | null {
    if (received.failure !== null) return new ProxyError(received.failure, received.detail);
    if (received.wantsWebSocket && context === null)
      return new ProxyError('bad_request', 'upgrade');
    if (this.#state.exchangesRunning < this.#state.settings.exchangesMax) return null;
    return new ProxyError('overloaded', 'exchangesMax');
  }

  #later(sink: ClientSink): void {
    sink.isWaiting = true;
    this.#atEndOfTurn.push(sink);
    if (this.#atEndOfTurn.length === 1) setImmediate(this.#endTurn);
  }

  #finishTurn(): void {
    const sinks = this.#atEndOfTurn;
    this.#atEndOfTurn = [];
    for (const sink of sinks) {
      if (sink.isWaiting) this.#admitWaiting(sink);
      if (sink.isOpen && sink.body?.isArriving === true) this.#state.sweeper.add(sink.body);
    }
  }

  #admitWaiting(sink: ClientSink): void {
    const { handler, report } = this.#state;
    sink.isWaiting = false;
    try {
      if (sink.refusal !== null) {
        handler.refuse(sink.exchange, sink.refusal);
      } else if (sink.isOpen) {
        handler.serve(sink.exchange);
      } else {
        handler.refuse(sink.exchange, new ProxyError('client_closed'));
      }
    } catch (error) {
      report(error);
      this.#breakOff(sink);
    }
    if (!sink.isOpen && sink.refusal !== null) sink.finish();
  }

  #receive(sink: ClientSink, body: ReceivedBody, chunk: ArrayBuffer, isLast: boolean): void {
    try {
      enterEvent(sink);
      body.receive(chunk, isLast);
      // In chunks: only at the end of the turn, see above.
      if (isLast && sink.isWaiting && sink.refusal === null && body.byteLength !== -1) {
        this.#admitWaiting(sink);
      }
    } catch (error) {
      this.#state.report(error);
      this.#breakOff(sink);
    }
  }

  #abort(sink: ClientSink): void {
    try {
      sink.abort();
    } catch (error) {
      this.#state.report(error);
      sink.finish();
    }
  }

  /** A bug while the engine waits for its handler to return. */
  #rescue(sink: ClientSink | null, response: HttpResponse): void {
    if (sink !== null) this.#breakOff(sink);
    try {
      if (sink?.isPending === true) this.#watch(sink, response);
      else response.close();
    } catch {
      // It was answered, or closed: then the engine wants no more.
    }
  }

  /** A bug, here or in the handler: the client gets a plain 500 if nothing was sent yet. */
  #breakOff(sink: ClientSink): void {
    const error = new ProxyError('internal_error', 'exception');
    const { exchange } = sink;
    if (exchange === undefined) {
      sink.take()?.close();
      return;
    }
    try {
      exchange.failure = error;
      exchange.running?.cancel(error);
      if (sink.isUntouched) {
        exchange.status = error.failure.status;
        exchange.responseHeaders = [];
        exchange.responseByteLength = 0;
        sink.end();
      } else {
        sink.fail(error);
      }
    } catch (again) {
      this.#state.report(again);
      sink.take()?.close();
      this.#abort(sink);
    }
  }
}

function bodyOf(
  state: ListenerState,
  sink: ClientSink,
  received: ReceivedHead,
): ReceivedBody | null {
  if (!received.isChunked && received.contentLength <= 0) return null;
  return new ReceivedBody(state, sink, received.isChunked ? -1 : received.contentLength);
}
