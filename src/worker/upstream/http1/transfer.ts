// One attempt on its way through the transport, and the source of its response body: the only object that
// is made for an attempt without a streamed request body.

import type { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import type { Attempt } from '../../../core/upstream.ts';

/** Who has the attempt now: a pool while it waits, then a connection. */
export interface Carrier {
  pauseResponse(transfer: Transfer): void;
  resumeResponse(transfer: Transfer): void;
  /** Lets go of the attempt; reports nothing to it. */
  abandon(transfer: Transfer): void;
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

/** Takes the rest of a response whose client has left. */
const nowhere: Sink = { start() {}, write: () => true, end() {}, fail() {} };

export class Transfer implements Source {
  readonly exchange: Exchange;
  readonly attempt: Attempt;
  /** Only a connection with the same one may carry it; null: any. */
  readonly identity: string | null;
  /** Null when the attempt is over. */
  carrier: Carrier | null = null;
  /** Where the response goes; null before its head. */
  sink: Sink | null = null;
  /** `onHead` was called. */
  hasHead = false;
  /** The head of the request was handed to the socket: from now on the peer may have seen it. */
  isBegun = false;
  /** The last byte of the request was handed to the socket. */
  isSent = false;
  /** Sent a second time after a stale connection; there is no third. */
  isRepeated = false;
  /** The client left, but the connection goes on for others: the response is read and dropped. */
  isDiscarded = false;
  /** While it waits for a connection. */
  deadlineMs = 0;
  /** Neighbours in the queue of a pool or of a pipelining connection. */
  next: Transfer | null = null;
  previous: Transfer | null = null;

  constructor(exchange: Exchange, attempt: Attempt, identity: string | null = null) {
    this.exchange = exchange;
    this.attempt = attempt;
    this.identity = identity;
    exchange.running = this;
  }

  /** The request can be sent again: nothing but an unanswered connection went wrong. */
  get mayRepeat(): boolean {
    if (this.isRepeated || this.isDiscarded || this.hasHead) return false;
    const body = this.exchange.requestBody;
    return (body === null || body.replayable) && IDEMPOTENT.has(this.exchange.method);
  }

  /** The response head is in the exchange: asks where the body goes. The client may leave meanwhile. */
  open(): void {
    if (this.isDiscarded) return;
    this.hasHead = true;
    const sink = this.attempt.onHead(this);
    if (this.isDiscarded) return;
    this.sink = sink;
    sink.start(this);
  }

  /** The response is complete and has been passed on. */
  complete(): void {
    this.carrier = null;
    if (this.isDiscarded) return;
    const sink = this.sink!;
    sink.end();
    this.attempt.onDone(null);
  }

  /** The peer's part ends with an error, before or after the head. */
  breakOff(error: ProxyError): void {
    this.carrier = null;
    if (this.isDiscarded) return;
    this.isDiscarded = true;
    if (!this.hasHead) {
      this.exchange.running = null;
      this.attempt.onFailure(error);
    } else {
      this.sink?.fail(error);
      this.attempt.onDone(error);
    }
  }

  // As source of the response.

  pause(): void {
    if (this.carrier !== null) this.carrier.pauseResponse(this);
  }

  resume(): void {
    if (this.carrier !== null) this.carrier.resumeResponse(this);
  }

  cancel(error: ProxyError): void {
    const carrier = this.carrier;
    if (carrier === null || this.isDiscarded) return;
    this.isDiscarded = true;
    this.sink = nowhere;
    if (this.exchange.running === this) this.exchange.running = null;
    carrier.abandon(this);
    if (this.hasHead) this.attempt.onDone(error);
  }
}
