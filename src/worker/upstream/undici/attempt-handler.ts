// One attempt on its way through undici: the handler that undici calls, and the source of the response
// body for the client's side.
//
//   queued ──onRequestStart──► waiting ──onResponseStart (final)──► receiving ──► over
//      └─────────── cancel, or onResponseError from anywhere ─────────────────────► over

import type { Dispatcher } from 'undici';
import { passHints } from '../../../core/early-hints.ts';
import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { limits } from '../../../core/limits.ts';
import type { Peer } from '../../../core/peer.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import type { Attempt } from '../../../core/upstream.ts';
import { isStaleConnection, type Progress, toProxyError } from './failure.ts';
import type { UndiciOptions } from './options.ts';
import { RequestBodyStream } from './request-body-stream.ts';
import { requestOptions } from './request-options.ts';
import { fieldsOf, takeResponseHead, trailerFields, type UndiciHeaders } from './response-head.ts';

/** Where an attempt waits, and what it gives back when it is over. */
export interface AttemptCarrier {
  /** The attempt does not want to wait any more. */
  forget(handler: AttemptHandler): void;
  /** undici has finished with a dispatch of this handler. */
  settled(handler: AttemptHandler): void;
  /** Whether the connection it runs on carried a request before. */
  isReused(handler: AttemptHandler): boolean;
  /** Whether the socket it runs on broke, rather than was closed. */
  isBroken(handler: AttemptHandler): boolean;
  /** Sends it once more, on a connection that has not been used before if possible. */
  repeat(handler: AttemptHandler): void;
}

/** Methods that may be sent twice (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'TRACE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
]);

/** Dispatches and callbacks of undici that run now: its HTTP/1 parser is not re-entrant. */
let callbackDepth = 0;

export class AttemptHandler implements Dispatcher.DispatchHandler, Source {
  readonly peer: Peer;
  /** `performance.now()` at which waiting for a connection is over. */
  deadlineMs = 0;
  /** What the pool remembers about the dispatch; null while it waits. */
  slot: object | null = null;

  readonly #exchange: Exchange;
  readonly #attempt: Attempt;
  readonly #carrier: AttemptCarrier;
  readonly #options: UndiciOptions;
  #controller: Dispatcher.DispatchController | null = null;
  #body: RequestBodyStream | null = null;
  #sink: Sink | null = null;
  #hasHead = false;
  #isReused = false;
  /** Why we end the dispatch ourselves; undici reports it back as an error. */
  #ownError: ProxyError | null = null;
  #interimCount = 0;
  #isRepeated = false;
  #isOver = false;

  constructor(
    exchange: Exchange,
    peer: Peer,
    attempt: Attempt,
    context: { readonly carrier: AttemptCarrier; readonly options: UndiciOptions },
  ) {
    this.#exchange = exchange;
    this.peer = peer;
    this.#attempt = attempt;
    this.#carrier = context.carrier;
    this.#options = context.options;
    exchange.running = this;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Gives the request to `client`; false: it is full now. */
  dispatchOn(client: Dispatcher): boolean {
    const body = this.#exchange.requestBody;
    this.#body = null;
    this.#controller = null;
    let content: Dispatcher.DispatchOptions['body'] = null;
    if (body !== null) {
      if (body.complete === null) {
        this.#body = new RequestBodyStream((error) => this.#abort(error));
        content = this.#body.stream;
      } else {
        // undici may hold it after this call.
        content = Buffer.from(body.complete);
      }
    }
    callbackDepth += 1;
    const isFree = client.dispatch(
      requestOptions(this.#exchange, this.peer, content, this.#options),
      this,
    );
    callbackDepth -= 1;
    return isFree;
  }

  /** No connection could be had. */
  failWaiting(error: ProxyError): void {
    this.#fail(error);
  }

  // As handler of undici's dispatch.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#isReused = this.#carrier.isReused(this);
    if (this.#isOver) controller.abort(new Error('cancelled'));
    else if (this.#body !== null) this.#exchange.requestBody!.pipe(this.#body);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#isOver) return;
    if (status < 200) {
      this.#interimCount += 1;
      if (this.#interimCount > limits.interimResponseCount) {
        this.#abort(new ProxyError('bad_response', 'too many interim responses'));
      } else passHints(this.#exchange, status, fieldsOf(controller.rawHeaders));
      return;
    }
    const problem = takeResponseHead(this.#exchange, status, controller.rawHeaders);
    if (problem !== null) {
      this.#abort(new ProxyError('bad_response', problem));
      return;
    }
    callbackDepth += 1;
    this.#hasHead = true;
    this.#sink = this.#attempt.onHead(this);
    if (!this.#isOver) this.#sink.start(this);
    callbackDepth -= 1;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    callbackDepth += 1;
    if (!this.#sink!.write(chunk)) controller.pause();
    callbackDepth -= 1;
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: UndiciHeaders): void {
    // A body that lasts until the connection ends: undici takes a reset as its end, too.
    const isTruncated = this.#carrier.isBroken(this);
    callbackDepth += 1;
    this.#carrier.settled(this);
    if (!this.#isOver) {
      if (isTruncated) this.#fail(new ProxyError('body_broken', 'reset'));
      else {
        this.#exchange.responseTrailers = trailerFields(trailers);
        this.#complete();
      }
    }
    callbackDepth -= 1;
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    callbackDepth += 1;
    this.#carrier.settled(this);
    if (!this.#isOver) {
      if (this.#ownError !== null) this.#fail(this.#ownError);
      else if (this.#mayRepeat(error)) this.#repeat();
      else this.#fail(toProxyError(error, this.#progress(), this.#isSecure()));
    }
    callbackDepth -= 1;
  }

  // As source of the response body.

  pause(): void {
    if (!this.#isOver) this.#controller?.pause();
  }

  resume(): void {
    if (this.#isOver || this.#controller === null) return;
    if (callbackDepth === 0) this.#controller.resume();
    // Resuming parses at once, and the parser is busy.
    else setImmediate(() => this.resume());
  }

  cancel(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#exchange.running === this) this.#exchange.running = null;
    if (this.slot === null) this.#carrier.forget(this);
    this.#controller?.abort(new Error(error.code));
    if (this.#hasHead) this.#attempt.onDone(error);
  }

  #progress(): Progress {
    if (this.#hasHead) return 'receiving';
    return this.#controller === null ? 'connecting' : 'waiting';
  }

  #isSecure(): boolean {
    return this.peer.address.scheme === 'https';
  }

  #abort(error: ProxyError): void {
    if (this.#isOver) return;
    this.#ownError ??= error;
    this.#controller?.abort(new Error(error.code));
  }

  #complete(): void {
    this.#isOver = true;
    this.#sink!.end();
    this.#attempt.onDone(null);
    this.#body?.cancel(new ProxyError('peer_reset', 'answered before the request was complete'));
  }

  #fail(error: ProxyError): void {
    this.#isOver = true;
    if (this.#sink === null) {
      this.#exchange.running = null;
      this.#attempt.onFailure(error);
    } else {
      this.#sink.fail(error);
      this.#attempt.onDone(error);
    }
  }

  /** Nothing but an unanswered kept connection went wrong, and the request may be sent again. */
  #mayRepeat(error: Error): boolean {
    if (this.#isRepeated || this.#hasHead || this.#interimCount > 0) return false;
    if (!this.#isReused || !isStaleConnection(error)) return false;
    const body = this.#exchange.requestBody;
    if (body !== null && !body.replayable) return false;
    return IDEMPOTENT.has(this.#exchange.method);
  }

  #repeat(): void {
    this.#isRepeated = true;
    this.#carrier.repeat(this);
  }
}
