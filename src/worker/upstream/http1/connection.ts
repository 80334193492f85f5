// One connection to a peer: its socket, the attempts in flight on it, and its deadline.
//
//   CONNECTING ──ready──► IDLE ◄──last response complete── BUSY ──► IDLE …
//       │                  └────────────send──────────────►┘
//       └── error, time-out, cancel, FIN, bytes nobody asked for ──► CLOSED
//
// Attempts in flight form a queue (one long unless pipelining): `first` is whose response comes next.

import type { Socket } from 'node:net';
import { connectFailure } from '../../../core/connect-failure.ts';
import { type FailureCode, ProxyError } from '../../../core/errors.ts';
import { proxyHeader, type SendProxy } from '../../../core/proxy-header.ts';
import type { Introduction } from '../../../std/introduced-socket.ts';
import { wasReset } from '../../../std/was-reset.ts';
import type { ConnectionOwner, PooledConnection, Shared } from './connection-owner.ts';
import { isPipelineable, JOINED_BODY_BYTES_MAX, joinedBody } from './request-body.ts';
import { writeRequestHead } from './request-head.ts';
import { type ResponseHost, ResponseReader } from './response-reader.ts';
import type { Dialler } from './socket.ts';
import type { Carrier, Transfer } from './transfer.ts';
import type { Postponed } from './turn-end.ts';
import { Upload, type UploadHost } from './upload.ts';

export class Connection implements PooledConnection, Carrier, ResponseHost, UploadHost, Postponed {
  index = -1;
  isListed = false;
  inFlight = 0;
  readonly identity: string | null;

  readonly #owner: ConnectionOwner;
  readonly #shared: Shared;
  readonly #reader: ResponseReader;
  readonly #socket: Socket;
  readonly #isTls: boolean;
  readonly #bornMs: number;
  #first: Transfer | null = null;
  #last: Transfer | null = null;
  /** The body of the only request in flight, while it is streamed. */
  #upload: Upload | null = null;
  #isReady = false;
  #isTcpOpen = false;
  #isClosed = false;
  #isPaused = false;
  /** The socket takes no more of the request body for now. */
  #isStalled = false;
  /** An attempt in flight has a body or a method that must not be pipelined. */
  #isExclusive = false;
  /** Waits for the end of the turn before it can be used again. */
  #isResting = false;
  #requests = 0;
  #responses = 0;
  /** When to act (see `sweep`), or 0. */
  #deadlineMs: number;
  /** Heads that leave in one write at the end of the turn. */
  #unsent = '';

  /** Begins to connect; `transfer` goes out first. */
  constructor(owner: ConnectionOwner, shared: Shared, dialler: Dialler, transfer: Transfer) {
    this.#owner = owner;
    this.#shared = shared;
    this.#reader = new ResponseReader(this, owner.head);
    this.#isTls = dialler.isTls;
    this.#bornMs = shared.sweeper.nowMs;
    this.#deadlineMs = shared.sweeper.deadlineIn(owner.options.timeouts.connectMs);
    this.#enqueue(transfer);
    this.identity = transfer.identity;
    const introduce = introductionOf(owner.options.sendProxy ?? 'off', transfer);
    this.#socket = dialler.open((length) => this.#receive(length), introduce);
    this.#listen();
  }

  // What the pool asks and tells.

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Another attempt fits in; `isPipelined`: next to others. */
  hasRoom(isPipelined: boolean): boolean {
    const { pipelining, keepAlive } = this.#owner.options;
    if (this.#isClosed || this.#isExclusive || this.#isResting) return false;
    if (this.#requests >= keepAlive.requestsMax) return false;
    if (this.inFlight === 0) return true;
    // A new connection first has to show that the peer keeps it open.
    return isPipelined && this.#responses > 0 && this.inFlight < pipelining;
  }

  /** Sends an attempt; the connection has room for it. */
  send(transfer: Transfer): void {
    this.#enqueue(transfer);
    this.#write(transfer);
  }

  /** Closes it when nothing is in flight, else after what is. */
  retire(): void {
    if (this.#first === null) this.#close(null, false);
  }

  /** Closes it at once; what is in flight ends with `error`. */
  destroy(error: ProxyError): void {
    this.#close(error, false);
  }

  sweep(nowMs: number): void {
    if (this.#deadlineMs === 0 || nowMs < this.#deadlineMs) return;
    if (!this.#isReady) this.#close(new ProxyError('connect_timeout'), false);
    else if (this.#first === null) this.#close(null, false);
    else if (this.#isStalled) this.#fail('head_timeout', 'the request body was not taken');
    else if (this.#reader.isInHead) this.#fail('head_timeout', '');
    else this.#fail('body_timeout', '');
  }

  // Sending.

  #enqueue(transfer: Transfer): void {
    transfer.carrier = this;
    if (this.#last === null) this.#first = transfer;
    else this.#last.next = transfer;
    this.#last = transfer;
    this.inFlight += 1;
  }

  #write(transfer: Transfer): void {
    const { exchange } = transfer;
    const head = writeRequestHead(exchange, this.#owner.peer);
    this.#requests += 1;
    const body = exchange.requestBody;
    if (body === null && this.#owner.options.pipelining > 1 && isPipelineable(exchange)) {
      if (this.#unsent === '') this.#shared.turnEnd.add(this);
      this.#unsent += head;
      return;
    }
    transfer.isBegun = true;
    this.#isExclusive = true;
    if (body === null) {
      this.#socket.write(head, 'latin1');
      this.#sent(transfer);
      return;
    }
    const complete = body.complete;
    if (complete !== null && complete.length <= JOINED_BODY_BYTES_MAX) {
      if (body.byteLength < 0 || this.#isTls) {
        this.#socket.write(head + joinedBody(complete, body), 'latin1');
      } else {
        this.#shared.block.send(this.#socket, head, complete);
      }
      this.#sent(transfer);
      return;
    }
    this.#deadlineMs = 0;
    this.#upload = new Upload(this, this.#socket, body.byteLength);
    this.#socket.cork();
    this.#socket.write(head, 'latin1');
    body.pipe(this.#upload);
    this.#socket.uncork();
  }

  #sent(transfer: Transfer): void {
    transfer.isSent = true;
    if (this.#first === transfer && this.#reader.isInHead) this.#awaitHead();
  }

  #awaitHead(): void {
    this.#deadlineMs = this.#shared.sweeper.deadlineIn(this.#owner.options.timeouts.headMs);
  }

  // As host of an upload.

  uploaded(): void {
    this.#isStalled = false;
    this.#sent(this.#first!);
  }

  stalled(isStalled: boolean): void {
    this.#isStalled = isStalled;
    const awaitsMore = !this.#reader.isInHead && !this.#isPaused;
    if (isStalled || awaitsMore) this.#awaitBody();
    else this.#deadlineMs = 0;
  }

  uploadFailed(error: ProxyError): void {
    this.#close(error, false);
  }

  endOfTurn(): void {
    if (this.#unsent !== '') {
      const unsent = this.#unsent;
      this.#unsent = '';
      this.#socket.write(unsent, 'latin1');
      for (let transfer = this.#first; transfer !== null; transfer = transfer.next) {
        transfer.isBegun = true;
        this.#sent(transfer);
      }
    }
    if (!this.#isResting) return;
    this.#isResting = false;
    if (!this.#isClosed && this.#first === null) this.#owner.released(this);
  }

  // Receiving, as host of the reader.

  get current(): Transfer | null {
    return this.#first?.isBegun ? this.#first : null;
  }

  get headBytesMax(): number {
    return this.#owner.options.responseHeadBytesMax;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#deadlineMs = 0;
    this.#socket.pause();
  }

  progressed(): void {
    if (this.#first!.isDiscarded) this.#close(null, true);
    else if (!this.#isPaused) this.#awaitBody();
  }

  completed(hasMore: boolean): void {
    const transfer = this.#first!;
    const upload = this.#upload;
    this.#upload = null;
    this.#first = transfer.next;
    if (this.#first === null) this.#last = null;
    transfer.next = null;
    transfer.carrier = null;
    this.inFlight -= 1;
    this.#responses += 1;
    this.#isExclusive = false;
    this.#unpause();
    const isLeftOver = hasMore && this.#first === null;
    if (!this.#reader.isPersistent || !transfer.isSent || isLeftOver) {
      this.#close(new ProxyError('peer_reset', 'closed after an earlier response'), true);
    } else if (this.#first === null) {
      this.#rest();
    } else {
      this.#awaitHead();
      if (!this.isListed) this.#owner.released(this);
    }
    transfer.complete();
    upload?.cancel(new ProxyError('peer_reset', 'answered before the request was complete'));
  }

  failed(error: ProxyError): void {
    this.#close(error, false);
  }

  unexpected(): void {
    this.#close(new ProxyError('bad_response', 'bytes that nobody asked for'), true);
  }

  pauseResponse(transfer: Transfer): void {
    if (this.#first === transfer) this.pause();
  }

  resumeResponse(transfer: Transfer): void {
    if (this.#first !== transfer || !this.#isPaused) return;
    this.#unpause();
    this.#awaitBody();
  }

  abandon(transfer: Transfer): void {
    // A pipelined response that others wait behind is read and dropped, if it is short.
    if (this.inFlight > 1 && (this.#first !== transfer || this.#reader.isInHead)) this.#unpause();
    else this.#close(null, true);
  }

  #receive(length: number): boolean {
    const { buffer } = this.#shared;
    // After a full buffer more may stand in the kernel, after a TLS record in the TLS layer: whether
    // nothing follows the response, which would poison the next one, is known at the end of the turn.
    if (this.#isTls || length === buffer.length) this.#isResting = true;
    if (!this.#isClosed) this.#reader.receive(buffer, length);
    if (this.#isResting && this.#first !== null) this.#isResting = false;
    return true;
  }

  /** Nothing is in flight any more. */
  #rest(): void {
    const { sweeper, turnEnd } = this.#shared;
    const { keepAlive } = this.#owner.options;
    const idleMs = this.#idleMs(keepAlive.idleMs);
    const isOld =
      this.#requests >= keepAlive.requestsMax || sweeper.nowMs - this.#bornMs >= keepAlive.ageMs;
    if (isOld || idleMs <= 0 || this.#owner.isRetired) {
      this.#close(null, false);
      return;
    }
    this.#deadlineMs = Math.min(sweeper.deadlineIn(idleMs), this.#bornMs + keepAlive.ageMs);
    if (this.#isResting) turnEnd.add(this);
    else this.#owner.released(this);
  }

  /** Idle limit: less than the peer's own, so that it never closes while a request is on its way. */
  #idleMs(configuredMs: number): number {
    const { keepAliveMs } = this.#reader;
    return keepAliveMs < 0 ? configuredMs : Math.min(keepAliveMs - 2_000, 600_000);
  }

  #awaitBody(): void {
    this.#deadlineMs = this.#shared.sweeper.deadlineIn(this.#owner.options.timeouts.bodyIdleMs);
  }

  #unpause(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  // The life of the socket.

  #listen(): void {
    const socket = this.#socket;
    socket.on('connect', () => {
      this.#isTcpOpen = true;
      if (!this.#isTls) this.#onReady();
    });
    if (this.#isTls) socket.on('secureConnect', () => this.#onReady());
    socket.on('drain', () => this.#upload?.drained());
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#onLost(error));
    socket.on('close', () => this.#onLost(null));
  }

  #onReady(): void {
    if (this.#isClosed) return;
    this.#isReady = true;
    this.#write(this.#first!);
  }

  #onEnd(): void {
    if (this.#isClosed) return;
    if (!this.#reader.endsWithConnection) this.#onLost(null);
    else if (wasReset(this.#socket)) this.#fail('body_broken', 'reset');
    else this.#reader.endUntilClose();
  }

  #onLost(error: NodeJS.ErrnoException | null): void {
    if (this.#isClosed) return;
    const detail = error === null ? 'closed' : (error.code ?? error.message);
    if (!this.#isReady)
      this.#close(
        connectFailure(error ?? new Error('closed'), this.#isTls && this.#isTcpOpen),
        false,
      );
    else if (!this.#reader.isInHead) this.#fail('body_broken', detail);
    else this.#close(new ProxyError('peer_reset', detail), true);
  }

  #fail(code: FailureCode, detail: string): void {
    this.#close(new ProxyError(code, detail), false);
  }

  /**
   * Closes the connection. The first attempt in flight ends with `error`, the others with a reset. With
   * `mayRepeat` those that a kept connection lost without one byte of an answer (the peer closed it while
   * the request was on its way, RFC 9112 section 9.3.1) go to another connection instead.
   */
  #close(error: ProxyError | null, mayRepeat: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#deadlineMs = 0;
    this.#socket.destroy();
    this.#upload?.stop();
    let transfer = this.#first;
    let isFirst = true;
    this.#first = null;
    this.#last = null;
    this.inFlight = 0;
    this.#owner.gone(this);
    while (transfer !== null) {
      const next: Transfer | null = transfer.next;
      transfer.next = null;
      transfer.carrier = null;
      const isUnanswered = this.#responses > 0 && (!isFirst || !this.#reader.hasBegun);
      if (mayRepeat && isUnanswered && transfer.mayRepeat) {
        this.#owner.repeat(transfer);
      } else if (isFirst && error !== null) {
        transfer.breakOff(error);
      } else {
        transfer.breakOff(new ProxyError('peer_reset', 'lost with an earlier request'));
      }
      isFirst = false;
      transfer = next;
    }
    this.#owner.settled();
  }
}

function introductionOf(sendProxy: SendProxy, { exchange }: Transfer): Introduction | null {
  return sendProxy === 'off' ? null : (socket) => proxyHeader(sendProxy, exchange, socket);
}
