// One attempt on its way through the transport: from the line of those who wait to the end of the response.
// It is the source of the response body, and reads what the application sends.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Peer } from '../../../core/peer.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import type { Attempt } from '../../../core/upstream.ts';
import type { FastcgiOptions } from './options.ts';
import { PROTOCOL_COMPLETE, PROTOCOL_OVERLOADED, type RecordHost } from './records.ts';
import { CgiHeadReader } from './response-head.ts';
import { StderrLines } from './stderr-lines.ts';

/** Who has the attempt now: the line of those who wait, then a connection. */
export interface Carrier {
  pause(): void;
  resume(): void;
  /** The attempt is over before its response is complete: its connection is of no more use. */
  abandon(request: FastcgiRequest): void;
  /** The application ended the request in order. */
  completed(request: FastcgiRequest): void;
}

export class FastcgiRequest implements Source, RecordHost {
  readonly exchange: Exchange;
  readonly peer: Peer;
  carrier: Carrier | null = null;
  /** When to give up waiting for a connection. */
  deadlineMs = 0;
  readonly #attempt: Attempt;
  readonly #head: CgiHeadReader;
  readonly #stderr: StderrLines;
  #sink: Sink | null = null;
  #isOver = false;
  /** Body bytes that may still come; -1: not declared. */
  #bytesLeft = -1;
  #isBodyless = false;

  constructor(exchange: Exchange, peer: Peer, attempt: Attempt, options: FastcgiOptions) {
    this.exchange = exchange;
    this.peer = peer;
    this.#attempt = attempt;
    this.#head = new CgiHeadReader(options.responseHeadBytesMax);
    this.#stderr = new StderrLines((line) => options.onStderr(line, peer.id));
    exchange.running = this;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get hasHead(): boolean {
    return this.#sink !== null;
  }

  // As the source of the response body.

  pause(): void {
    this.carrier?.pause();
  }

  resume(): void {
    this.carrier?.resume();
  }

  cancel(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.exchange.running === this) this.exchange.running = null;
    this.#leave();
    if (this.#sink !== null) this.#attempt.onDone(error);
  }

  /** The attempt fails, or the response breaks off. */
  breakOff(error: ProxyError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave();
    if (this.#sink === null) {
      this.exchange.running = null;
      this.#attempt.onFailure(error);
      return;
    }
    this.#sink.fail(error);
    this.#attempt.onDone(error);
  }

  #leave(): void {
    const carrier = this.carrier;
    this.carrier = null;
    this.#stderr.flush();
    carrier?.abandon(this);
  }

  // What the application sends.

  onStdout(bytes: Buffer): void {
    if (this.#isOver) return;
    let body: Buffer | null = bytes;
    if (this.#sink === null) {
      const rest = this.#head.take(bytes);
      if (rest === 'too large') {
        this.breakOff(new ProxyError('response_head_too_large'));
        return;
      }
      body = rest;
      if (rest !== null && !this.#begin()) return;
    }
    if (body !== null && body.length > 0) this.#pass(body);
  }

  onStderr(bytes: Buffer): void {
    this.#stderr.take(bytes);
  }

  onEnd(protocolStatus: number): void {
    if (this.#isOver) return;
    if (protocolStatus === PROTOCOL_OVERLOADED) {
      this.breakOff(new ProxyError('connect_failed', 'the application is overloaded'));
    } else if (protocolStatus !== PROTOCOL_COMPLETE) {
      this.breakOff(new ProxyError('bad_response', `protocol status ${protocolStatus}`));
    } else if (this.#sink === null) {
      this.breakOff(new ProxyError('bad_response', 'ended without a complete head'));
    } else if (this.#bytesLeft > 0 && !this.#isBodyless) {
      this.breakOff(new ProxyError('body_broken', `${this.#bytesLeft} bytes are missing`));
    } else {
      this.#complete(this.#sink);
    }
  }

  onMalformed(problem: string): void {
    this.breakOff(new ProxyError(this.#sink === null ? 'bad_response' : 'body_broken', problem));
  }

  /** The head is complete; false when it is malformed or the client does not want the rest. */
  #begin(): boolean {
    const head = this.#head.parse();
    if (typeof head === 'string') {
      this.breakOff(new ProxyError('bad_response', head));
      return false;
    }
    const { exchange } = this;
    this.#isBodyless = exchange.method === 'HEAD' || head.status === 204 || head.status === 304;
    this.#bytesLeft = head.byteLength;
    exchange.status = head.status;
    exchange.responseHeaders = head.headers;
    exchange.responseDate = head.date;
    exchange.responseByteLength = head.status === 204 ? -1 : head.byteLength;
    this.#sink = this.#attempt.onHead(this);
    this.#sink.start(this);
    return !this.#isOver;
  }

  #pass(body: Buffer): void {
    if (this.#isBodyless) return;
    if (this.#bytesLeft >= 0) {
      if (body.length > this.#bytesLeft) {
        this.breakOff(new ProxyError('body_broken', 'more bytes than declared'));
        return;
      }
      this.#bytesLeft -= body.length;
    }
    if (!this.#sink!.write(body)) this.pause();
  }

  #complete(sink: Sink): void {
    this.#isOver = true;
    this.#stderr.flush();
    const carrier = this.carrier;
    this.carrier = null;
    carrier?.completed(this);
    sink.end();
    this.#attempt.onDone(null);
  }
}
