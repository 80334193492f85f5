// The response on its way to the client, one per exchange; knows how the engine wants to be told.
//
//   idle ──start──► started ──first bytes, or end──► framed (see framing.ts) ──► answered ──end──► over
//     any ──client gone, fail──► over
//
// The head leaves with the first bytes of the body: this engine can't send a head alone. Only for
// `text/event-stream` a comment (`:` and an empty line) goes ahead when no event is there yet.
//
// Closing the connection after the answer: the engine does so after `end(…, true)`, but `tryEnd` ignores
// the flag, and after `write` it puts a header line into the body. So streamed answers only tell the
// client (`connection: close`). Not enough after a request with Transfer-Encoding, whose end the engine
// takes too lightly: nothing may follow it. There the sink ends the body behind the engine's back (see
// `#endForGood`): for the engine the request stays unanswered, and a request that follows is cut.

import type { HttpResponse } from 'uWebSockets.js';
import { ProxyError } from '../../../core/errors.ts';
import type { Exchange, RemoteAddress } from '../../../core/exchange.ts';
import { headerValue } from '../../../core/headers.ts';
import { limits } from '../../../core/limits.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import { addressText } from './address.ts';
import { leaveEvent, takeCorkRoom } from './engine-cork.ts';
import {
  chooseFraming,
  dateAndEnd,
  declaredLength,
  type Framing,
  isEventStream,
} from './framing.ts';
import type { ListenerState } from './listener-state.ts';
import type { ReceivedBody } from './request-body.ts';
import { CORKED_HEAD_BYTES, headBytes, writeLongHead } from './response-head.ts';
import { Lingering, SlowReader } from './slow-readers.ts';

const EMPTY = new Uint8Array(0);
const EVENT_COMMENT = Buffer.from(':\n\n');

/** What the head of the request says about the connection. */
export interface ConnectionWishes {
  readonly isChunked: boolean;
  readonly wantsClose: boolean;
  readonly engineCloses: boolean;
}

export class ClientSink implements Sink, RemoteAddress {
  readonly #state: ListenerState;
  /** Null once the engine has the whole answer or the client is gone: calls on it would throw. */
  #response: HttpResponse | null;
  readonly #mustEnd: boolean;
  readonly #engineCloses: boolean;
  #closes: boolean;
  /** These are set right after construction. */
  exchange!: Exchange;
  body: ReceivedBody | null = null;
  /** Waits in the intake: the handler does not know of it yet. */
  isWaiting = false;
  /** Why it will be refused, when it does not wait any more. */
  refusal: ProxyError | null = null;
  /** Fields of this hop alone, each preceded by CRLF. */
  hopFields = '';

  #source: Source | null = null;
  #framing: Framing = 'undecided';
  /** Waits for the first bytes. */
  #head: string | Buffer = '';
  #isBlocked = false;
  #hasEnded = false;
  #isOver = false;
  #slowReader: SlowReader | null = null;
  #lingering: Lingering | null = null;

  constructor(state: ListenerState, response: HttpResponse, wishes: ConnectionWishes) {
    this.#state = state;
    this.#response = response;
    this.#mustEnd = wishes.isChunked;
    this.#closes = wishes.isChunked || wishes.wantsClose || wishes.engineCloses;
    this.#engineCloses = wishes.engineCloses;
  }

  /** What reading can be paused and resumed with; a slow reader's socket must stay polled. */
  get pausable(): HttpResponse | null {
    return this.#isBlocked ? null : this.#response;
  }

  remoteAddress(): string {
    if (this.#response === null) return '';
    return this.#state.soleClient.address ?? addressText(this.#response.getRemoteAddress());
  }

  /** The client can still be answered. */
  get isOpen(): boolean {
    return this.#response !== null;
  }

  /** The engine waits for an answer, or for the rest of one. */
  get isPending(): boolean {
    return this.#response !== null || this.#lingering !== null;
  }

  /** No byte of an answer has been given to the engine. */
  get isUntouched(): boolean {
    return this.#response !== null && this.#framing === 'undecided';
  }

  /** The connection must go and the engine has no call for it that fits a head without a body. */
  #closesByHand(): boolean {
    return this.#closes && !this.#engineCloses;
  }

  /** Gives the response away: to be closed, or to become a WebSocket. Nothing is sent from now on. */
  take(): HttpResponse | null {
    const response = this.#response;
    this.#slowReader?.stop();
    this.#response = null;
    return response;
  }

  start(source: Source): void {
    this.#source = source;
    if (this.#response === null) {
      source.cancel(new ProxyError('client_closed'));
      return;
    }
    if (isEventStream(this.exchange)) setImmediate(() => this.#startEvents());
  }

  write(chunk: Uint8Array): boolean {
    if (this.#response === null || chunk.byteLength === 0) return !this.#isBlocked;
    if (this.#framing === 'undecided') this.#begin(chunk.byteLength);
    if (this.#framing === 'none') return true;
    if (this.#isBlocked) this.#slowReader!.keep(chunk);
    else this.#give(chunk);
    return !this.#isBlocked;
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (!this.#isBlocked || this.#response === null) this.#complete();
  }

  fail(error: ProxyError): void {
    this.exchange.failure ??= error;
    // A broken answer must look broken: in HTTP/1.1 nothing but the end of the connection says so.
    const response = this.take();
    response?.close();
    // The engine says it too, but only where it was told whom to tell (see Intake).
    if (response !== null) this.abort();
    this.finish();
  }

  /** The engine says that the connection is gone. */
  abort(): void {
    this.#lingering?.stop();
    this.#lingering = null;
    this.take();
    if (this.#isOver || this.isWaiting) return;
    this.#state.handler.aborted(this.exchange);
    this.body?.fail(new ProxyError('client_closed'));
    this.finish();
  }

  /** The exchange is over for the client; what its source still does is ignored. */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.body?.discard();
    this.take();
    this.#state.exchangesRunning -= 1;
    this.#state.handler.finished(this.exchange);
  }

  /** Runs inside a cork. */
  writeCorked(chunk: Uint8Array): void {
    const response = this.#response!;
    if (this.#head !== '') {
      response.writeStatus(this.#head);
      this.#head = '';
    }
    if (this.#framing === 'sized') this.#tryEnd(response, chunk);
    else if (this.#framing === 'chunked' && chunk !== EMPTY) {
      this.exchange.bytesSent += chunk.byteLength;
      if (!response.write(chunk)) this.#isBlocked = true;
    } else this.#answer(chunk);
  }

  #begin(firstBytes: number): void {
    const { exchange } = this;
    const response = this.#response!;
    if (this.#state.isDraining || this.refusal !== null) this.#closes = true;
    this.#framing = chooseFraming(exchange, firstBytes, this.#mustEnd);
    const isStreamed = this.#framing === 'sized' || this.#framing === 'chunked';
    let extra = this.hopFields + declaredLength(exchange);
    if (this.#state.strictTransport !== '') extra += this.#strictTransport();
    // To a whole answer the engine adds this field itself when it is told to close.
    const isOurs = this.#engineCloses || this.#framing !== 'whole';
    if (isOurs && this.#closes) extra += '\r\nconnection: close';
    if (this.#framing === 'none' && this.#closesByHand()) extra += dateAndEnd();
    const { status, responseHeaders } = exchange;
    // What is borrowed must be with the engine before the next head; without a body it waits for the end.
    const canBorrow = extra === '' && this.#framing !== 'none';
    const head = canBorrow
      ? this.#state.heads.borrow(status, responseHeaders)
      : headBytes(status, responseHeaders, extra);
    // Registered before anything can get stuck: without it the engine drains alone, and then gives the
    // rest of the answer no more than 10 s.
    if (isStreamed) response.onWritable(() => this.#onWritable());
    if (head.length > CORKED_HEAD_BYTES) writeLongHead(response, head);
    else this.#head = head;
  }

  #strictTransport(): string {
    const name = 'strict-transport-security';
    if (headerValue(this.exchange.responseHeaders, name) !== undefined) return '';
    return `\r\n${name}: ${this.#state.strictTransport}`;
  }

  /** Hands a chunk to the engine and keeps what it does not take. */
  #give(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.byteLength && !this.#isBlocked && this.#response !== null) {
      const isWhole = this.#framing !== 'chunked';
      const room = isWhole ? chunk.byteLength : limits.corkWriteBytes - this.#head.length;
      const piece = at === 0 && chunk.byteLength <= room ? chunk : chunk.subarray(at, at + room);
      if (!isWhole && !takeCorkRoom(this, this.#head.length + piece.byteLength)) {
        this.#isBlocked = true;
        setImmediate(() => this.#afterEvent());
        break;
      }
      const before = this.exchange.bytesSent;
      this.#cork(piece);
      at += this.exchange.bytesSent - before;
      if (isWhole) break;
    }
    if (!this.#isBlocked || this.#response === null) return;
    this.#slowReader ??= new SlowReader(this.#state.sweeper, this.#response, () => this.#stall());
    this.#slowReader.keep(chunk.subarray(at));
    this.#slowReader.watch();
  }

  #tryEnd(response: HttpResponse, chunk: Uint8Array): void {
    const { exchange } = this;
    const total = exchange.responseByteLength;
    const before = exchange.bytesSent;
    // More than declared would never end; what is too much is the peer's fault and is left out.
    const data = chunk.byteLength > total - before ? chunk.subarray(0, total - before) : chunk;
    if (before + data.byteLength === total) this.body?.discard();
    const [isTaken, isDone] = response.tryEnd(data, total);
    if (isDone) {
      exchange.bytesSent = total;
      this.take();
    } else if (isTaken) {
      exchange.bytesSent = before + data.byteLength;
    } else {
      this.#isBlocked = true;
      exchange.bytesSent = response.getWriteOffset();
    }
  }

  /** Gives the engine the last of the answer; the response is not ours any more. */
  #answer(chunk: Uint8Array): void {
    // The rest of an upload that is answered already is not waited for.
    const closes = this.#closes || this.body?.isArriving === true;
    this.body?.discard();
    const response = this.take()!;
    if (this.#framing === 'none') {
      if (this.#closesByHand()) this.#linger(response);
      else response.endWithoutBody();
    } else if (this.#framing === 'whole') {
      this.exchange.bytesSent = chunk.byteLength;
      response.end(chunk, closes);
    } else if (this.#mustEnd) {
      this.#endForGood(response);
    } else {
      response.end();
    }
  }

  /**
   * Ends a chunked body while the engine goes on believing that it has not ended: the field line written
   * here stands behind the data and makes up last chunk, one trailer field and the final empty line.
   */
  #endForGood(response: HttpResponse): void {
    response.writeHeader('\r\n0\r\nx-end', '1\r\n');
    this.#linger(response);
  }

  /** The client has its answer, the engine waits for one: whatever follows on this connection is cut. */
  #linger(response: HttpResponse): void {
    this.#lingering = new Lingering(this.#state.sweeper, response);
  }

  #complete(): void {
    if (this.#response !== null) {
      const { responseByteLength: total, bytesSent } = this.exchange;
      if (this.#framing === 'undecided') this.#begin(0);
      if (this.#framing === 'sized' || (this.#framing === 'whole' && total > bytesSent)) {
        this.fail(new ProxyError('body_broken', 'shorter than declared'));
        return;
      }
      this.#cork(EMPTY);
    }
    this.finish();
  }

  #onWritable(): boolean {
    try {
      this.#drain();
    } catch (error) {
      this.#state.report(error);
      this.fail(new ProxyError('internal_error', 'listener'));
    }
    return true;
  }

  /** What did not fit into the engine's own cork can go now. */
  #afterEvent(): void {
    leaveEvent(this);
    this.#onWritable();
  }

  #drain(): void {
    this.#lingering?.flush();
    if (this.#response === null) return;
    // With a handler for this event the engine leaves it to us to send what it holds itself.
    this.#response.cork(nothing);
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    for (const chunk of this.#slowReader!.takeAll()) {
      if (this.#isBlocked) this.#slowReader!.keep(chunk);
      else this.#give(chunk);
    }
    if (this.#isBlocked) return;
    this.#slowReader?.stop();
    if (this.#hasEnded) this.#complete();
    else this.#source?.resume();
  }

  #stall(): void {
    const error = new ProxyError('client_closed', 'reads nothing');
    this.#source?.cancel(error);
    this.fail(error);
  }

  #startEvents(): void {
    if (this.#response === null || this.#framing !== 'undecided' || this.#hasEnded) return;
    this.#begin(EVENT_COMMENT.byteLength);
    this.#give(EVENT_COMMENT);
  }

  #cork(chunk: Uint8Array): void {
    corkedSink = this;
    corkedChunk = chunk;
    this.#response!.cork(runCorked);
  }
}

// One callback for all corks instead of a closure for each: cork runs it before it returns.
let corkedSink: ClientSink;
let corkedChunk: Uint8Array = EMPTY;

function runCorked(): void {
  corkedSink.writeCorked(corkedChunk);
}

function nothing(): void {}
