// Where requests come in, of either protocol: head → exchange → handler, at once or at the end of the turn
// (whatever has a body, so that the handler gets small ones in one piece).

import { ProxyError } from '../../../core/errors.ts';
import { Exchange } from '../../../core/exchange.ts';
import type { WebSocketOffer } from '../../../core/tunnel.ts';
import { monotonicMs } from '../../../std/clock.ts';
import { ClientSink } from './client-sink.ts';
import type { Turning } from './end-of-turn.ts';
import type { Connection, ListenerState } from './listener-state.ts';
import { ReceivedBody, type ReceivedBodyOptions } from './request-body.ts';
import type { ReceivedHead } from './request-head.ts';
import type { ResponseWriter } from './response-writer.ts';

const UPGRADE_FIELDS = ['upgrade', 'websocket', 'sec-websocket-version', '13'];

/** A request as its protocol gives it. */
export interface Arrival {
  readonly connection: Connection;
  readonly head: ReceivedHead;
  readonly writer: ResponseWriter;
  /** Where the body comes from, if there is one. */
  readonly input: ReceivedBodyOptions['input'];
  readonly isWhole: ReceivedBodyOptions['isWhole'];
  /** Makes the offer of a request that wants a WebSocket. */
  readonly offer: ((sink: ClientSink) => WebSocketOffer) | null;
}

/**
 * Takes a request to the handler. Never throws. Returns its body, null when there is none; whoever reads
 * trailers notes them there before the body ends.
 */
export function admit(state: ListenerState, arrival: Arrival): ReceivedBody | null {
  const { head, writer, connection } = arrival;
  const sink = new ClientSink(state, writer, head.wantsClose);
  try {
    const refusal = refusalOf(state, head);
    const body = head.hasBody ? bodyOf(state, arrival) : null;
    const exchange = new Exchange(
      {
        entry: connection.entry,
        method: head.method,
        target: head.target,
        host: head.host,
        headers: head.headers,
        remoteAddress: connection.remoteAddress,
        body,
        webSocket: refusal === null && arrival.offer !== null ? arrival.offer(sink) : null,
      },
      sink,
      monotonicMs(),
    );
    sink.exchange = exchange;
    sink.body = body;
    sink.refusal = refusal;
    if (refusal?.code === 'upgrade_required') sink.hopFields = UPGRADE_FIELDS;
    state.exchangesRunning += 1;
    if (body === null) {
      hand(state, sink);
    } else {
      body.exchange = exchange;
      sink.isWaiting = true;
      state.turn.add(new Waiting(state, sink));
    }
    return body;
  } catch (error) {
    state.report(error);
    breakOff(state, sink);
    return null;
  }
}

function refusalOf(state: ListenerState, head: ReceivedHead): ProxyError | null {
  if (head.failure !== null) return new ProxyError(head.failure, head.detail);
  if (state.exchangesRunning < state.settings.exchangesMax) return null;
  return new ProxyError('overloaded', 'exchangesMax');
}

function bodyOf(state: ListenerState, arrival: Arrival): ReceivedBody {
  const { head, writer, input, isWhole } = arrival;
  const { byteLength } = head;
  return new ReceivedBody(state, { input, isWhole, byteLength, proceed: () => writer.proceed() });
}

/** A request whose body may be here as a whole when the turn ends. */
class Waiting implements Turning {
  readonly #state: ListenerState;
  readonly #sink: ClientSink;

  constructor(state: ListenerState, sink: ClientSink) {
    this.#state = state;
    this.#sink = sink;
  }

  endTurn(): void {
    const sink = this.#sink;
    sink.isWaiting = false;
    try {
      hand(this.#state, sink);
    } catch (error) {
      this.#state.report(error);
      breakOff(this.#state, sink);
    }
    if (sink.isOpen && sink.body?.isArriving === true) this.#state.sweeper.add(sink.body);
  }
}

function hand({ handler }: ListenerState, sink: ClientSink): void {
  const { exchange, refusal } = sink;
  if (refusal !== null) handler.refuse(exchange, refusal);
  else if (sink.isOpen) handler.serve(exchange);
  else handler.refuse(exchange, new ProxyError('client_closed'));
}

/** A bug, here or in the handler: the client gets a plain 500 if nothing was sent yet. */
function breakOff(state: ListenerState, sink: ClientSink): void {
  const error = new ProxyError('internal_error', 'exception');
  const { exchange } = sink;
  try {
    if (exchange === undefined) {
      sink.give();
      return;
    }
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
    state.report(again);
  }
}
