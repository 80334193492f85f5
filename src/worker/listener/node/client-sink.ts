// The response on its way to the client, one per exchange, the same for HTTP/1.x and HTTP/2: what each
// looks like on the wire is its writer's.
//
//   idle ──start──► started ──first bytes, end, or end of the turn──► head sent ──► ended ──flushed──► over
//     any ──client gone, fail──► over

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { headerValue, type RawHeaders } from '../../../core/headers.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import type { Swept } from '../sweeper.ts';
import type { Turning } from './end-of-turn.ts';
import type { ListenerState } from './listener-state.ts';
import type { ReceivedBody } from './request-body.ts';
import type { ResponseWriter, WriterOwner } from './response-writer.ts';

/** How long a reader may take nothing at all before it is cut. */
const STALL_MS = 60_000;

const NO_FIELDS: RawHeaders = [];

export class ClientSink implements Sink, WriterOwner, Swept, Turning {
  readonly #state: ListenerState;
  /** Null once nothing more can be sent. */
  #writer: ResponseWriter | null;
  /** The client asked for the connection to be closed. */
  readonly #wantsClose: boolean;
  /** These are set right after construction. */
  exchange!: Exchange;
  body: ReceivedBody | null = null;
  /** Waits for the end of the turn: the handler does not know of it yet. */
  isWaiting = false;
  refusal: ProxyError | null = null;
  /** Fields of this hop alone. */
  hopFields: RawHeaders = NO_FIELDS;

  #source: Source | null = null;
  #hasHead = false;
  #hasBody = false;
  #isBlocked = false;
  #hasEnded = false;
  #isOver = false;
  /** Since the client took something. */
  #ticks = 0;

  constructor(state: ListenerState, writer: ResponseWriter, wantsClose: boolean) {
    this.#state = state;
    this.#writer = writer;
    this.#wantsClose = wantsClose;
    writer.attach(this);
  }

  /** The client can still be answered. */
  get isOpen(): boolean {
    return this.#writer !== null;
  }

  /** No byte of an answer has been sent. */
  get isUntouched(): boolean {
    return this.#writer !== null && !this.#hasHead;
  }

  hint(fields: RawHeaders): void {
    if (this.isUntouched && !this.#hasEnded) this.#writer!.hint(fields);
  }

  start(source: Source): void {
    this.#source = source;
    if (this.#writer === null) source.cancel(new ProxyError('client_closed'));
    else this.#state.turn.add(this);
  }

  /** Nothing of the body has come with the head: it leaves alone. */
  endTurn(): void {
    if (this.#writer !== null && !this.#hasHead && !this.#hasEnded) this.#begin('alone');
  }

  write(chunk: Uint8Array): boolean {
    if (this.#writer === null || chunk.byteLength === 0) return !this.#isBlocked;
    if (!this.#hasHead) this.#begin('with bytes');
    if (!this.#hasBody) return true;
    const { exchange } = this;
    const total = exchange.responseByteLength;
    // More than declared is the peer's fault and is left out.
    const data = total < 0 ? chunk : chunk.subarray(0, total - exchange.bytesSent);
    if (data.byteLength === 0) return true;
    exchange.bytesSent += data.byteLength;
    if (!this.#writer.write(data)) this.#block();
    return !this.#isBlocked;
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#writer === null) {
      this.finish();
      return;
    }
    const { exchange } = this;
    const trailers = this.#writer.takesTrailers ? exchange.responseTrailers : null;
    if (!this.#hasHead) this.#begin(trailers === null ? 'empty' : 'with bytes');
    const total = exchange.responseByteLength;
    if (this.#hasBody && total > exchange.bytesSent) {
      this.fail(new ProxyError('body_broken', 'shorter than declared'));
      return;
    }
    // The rest of an upload that is answered already is not waited for.
    this.body?.discard();
    this.#writer.end(trailers);
    // What the system has not taken yet is watched until it has.
    this.#state.sweeper.add(this);
  }

  fail(error: ProxyError): void {
    this.exchange.failure ??= error;
    this.#take()?.breakOff();
    this.finish();
  }

  /** Gives the response away: it becomes a WebSocket. Nothing is sent from now on. */
  give(): boolean {
    return this.#take() !== null;
  }

  // As owner of the writer.

  drained(): void {
    this.#ticks = 0;
    if (!this.#isBlocked || this.#writer === null) return;
    this.#isBlocked = false;
    if (!this.#hasEnded) {
      this.#state.sweeper.remove(this);
      this.#source?.resume();
    }
  }

  flushed(): void {
    if (this.#writer === null) return;
    this.#take();
    this.finish();
  }

  lost(): void {
    if (this.#writer === null) return;
    this.#take();
    this.#guarded(() => {
      if (this.#isOver || this.isWaiting) return;
      this.#state.handler.aborted(this.exchange);
      this.body?.fail(new ProxyError('client_closed'));
      this.finish();
    });
  }

  /** The exchange is over for the client; what its source still does is ignored. */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.body?.discard();
    this.#take();
    this.#state.exchangesRunning -= 1;
    this.#state.handler.finished(this.exchange);
  }

  tick(): void {
    this.#ticks += 1;
    if (this.#ticks < this.#state.sweeper.ticks(STALL_MS)) return;
    const error = new ProxyError('client_closed', 'reads nothing');
    if (!this.#hasEnded) this.#source?.cancel(error);
    this.fail(error);
  }

  #take(): ResponseWriter | null {
    const writer = this.#writer;
    this.#writer = null;
    this.#state.sweeper.remove(this);
    return writer;
  }

  #block(): void {
    this.#isBlocked = true;
    this.#ticks = 0;
    this.#state.sweeper.add(this);
  }

  /** Sends the head; `empty`: the body has ended without a byte. */
  #begin(how: 'alone' | 'with bytes' | 'empty'): void {
    const { exchange } = this;
    this.#hasHead = true;
    const { method, status } = exchange;
    const isBare = method === 'HEAD' || status === 204 || status === 304;
    if (how === 'empty' && !isBare && exchange.responseByteLength < 0) {
      exchange.responseByteLength = 0;
    }
    this.#hasBody = !isBare && exchange.responseByteLength !== 0;
    // A refused upload is not read to its end.
    const isCutShort = status >= 400 && this.body?.isArriving === true;
    this.#writer!.head(exchange, {
      hasBody: this.#hasBody,
      isAlone: how === 'alone',
      byteLength: status === 204 ? -1 : exchange.responseByteLength,
      hopFields: this.#hopFields(),
      closes: this.#wantsClose || this.#state.isDraining || this.refusal !== null || isCutShort,
    });
  }

  #hopFields(): RawHeaders {
    const { strictTransport } = this.#state;
    if (strictTransport === '') return this.hopFields;
    const name = 'strict-transport-security';
    if (headerValue(this.exchange.responseHeaders, name) !== undefined) return this.hopFields;
    return [...this.hopFields, name, strictTransport];
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#state.report(error);
      this.finish();
    }
  }
}
