// Reads the responses of one connection, one after the other, out of whatever pieces the socket gives.
//
//   HEAD ──1xx──► HEAD
//    ├─ no body ──────────────────────────────► complete ──► HEAD
//    ├─ Content-Length ──► SIZED ──last byte──► complete
//    ├─ chunked ─────────► CHUNKED ──0 chunk──► complete
//    └─ neither ─────────► UNTIL_CLOSE ──FIN──► complete        anything malformed ──► failed

import { passHints } from '../../../core/early-hints.ts';
import { ProxyError } from '../../../core/errors.ts';
import { limits } from '../../../core/limits.ts';
import { CHUNKED_DONE, CHUNKED_MALFORMED, ChunkedBody } from './chunked-body.ts';
import { PartialHead } from './partial-head.ts';
import { HEAD_COMPLETE, HEAD_MALFORMED, HEAD_PARTIAL, type ResponseHead } from './response-head.ts';
import type { Transfer } from './transfer.ts';

/** The connection that the responses come from. */
export interface ResponseHost {
  /** Whose response comes next, or null when none is awaited. */
  readonly current: Transfer | null;
  readonly isClosed: boolean;
  readonly headBytesMax: number;
  /** The sink is full. */
  pause(): void;
  /** Part of a body has arrived and there is more to come. */
  progressed(): void;
  /** The response of `current` is complete; `hasMore`: bytes stand after it. */
  completed(hasMore: boolean): void;
  /** The response of `current` is broken, and with it the connection. */
  failed(error: ProxyError): void;
  /** Bytes came that belong to no request. */
  unexpected(): void;
}

const HEAD = 0;
const SIZED = 1;
const CHUNKED = 2;
const UNTIL_CLOSE = 3;
/** What the methods return when the connection is gone. */
const GONE = -1 as const;

export class ResponseReader {
  /** The peer allows the connection to be used again after this response. */
  isPersistent = false;
  /** The Keep-Alive timeout of the last response in ms, or -1. */
  keepAliveMs = -1;
  /** At least one byte of the current response, or of an interim one before it, has arrived. */
  hasBegun = false;

  readonly #host: ResponseHost;
  readonly #head: ResponseHead;
  #mode = HEAD;
  #bytesLeft = 0;
  #interimCount = 0;
  /** Begin of a head whose end has not arrived. */
  #partial: PartialHead | null = null;
  /** Made when the first chunked response comes. */
  #chunked: ChunkedBody | null = null;

  constructor(host: ResponseHost, head: ResponseHead) {
    this.#host = host;
    this.#head = head;
  }

  get isInHead(): boolean {
    return this.#mode === HEAD;
  }

  /** The body ends where the connection ends, which is not an error. */
  get endsWithConnection(): boolean {
    return this.#mode === UNTIL_CLOSE;
  }

  /** Takes the first `end` bytes of `bytes`, which are valid (and may be changed) only during the call. */
  receive(bytes: Buffer, end: number): void {
    let at = 0;
    while (at < end) {
      const transfer = this.#host.current;
      if (transfer === null) {
        this.#host.unexpected();
        return;
      }
      this.hasBegun = true;
      if (this.#mode === HEAD) at = this.#receiveHead(transfer, bytes, at, end);
      else if (this.#mode === SIZED) at = this.#receiveSized(transfer, bytes, at, end);
      else if (this.#mode === CHUNKED) at = this.#receiveChunked(transfer, bytes, at, end);
      else at = this.#receiveUntilClose(transfer, bytes, at, end);
      if (at === GONE) return;
    }
  }

  /** The peer closed, and with that ended the body. */
  endUntilClose(): void {
    this.#complete(0, 0);
  }

  #receiveHead(transfer: Transfer, bytes: Buffer, at: number, end: number): number {
    if (this.#partial !== null) return this.#receiveRestOfHead(transfer, bytes, at, end);
    const head = this.#head;
    const result = head.read(bytes, at, end);
    if (result === HEAD_COMPLETE) return this.#takeHead(transfer, head.end - at, head.end, end);
    if (result === HEAD_MALFORMED) return this.#refuse(head.problem);
    if (end - at > this.#host.headBytesMax) return this.#refuseSize();
    this.#partial = new PartialHead(bytes, at, end);
    return end;
  }

  #receiveRestOfHead(transfer: Transfer, bytes: Buffer, at: number, end: number): number {
    const head = this.#head;
    const partial = this.#partial!;
    const lengthBefore = partial.length;
    const isWorthIt = partial.append(bytes, at, end);
    const result = isWorthIt ? head.read(partial.bytes, 0, partial.length) : HEAD_PARTIAL;
    if (result === HEAD_MALFORMED) return this.#refuse(head.problem);
    if (result === HEAD_PARTIAL) {
      if (partial.length > this.#host.headBytesMax) return this.#refuseSize();
      return end;
    }
    this.#partial = null;
    return this.#takeHead(transfer, head.end, at + head.end - lengthBefore, end);
  }

  /** Goes on after a whole head of `headBytes`; `at` is the offset after it. */
  #takeHead(transfer: Transfer, headBytes: number, at: number, end: number): number {
    const head = this.#head;
    if (headBytes > this.#host.headBytesMax) return this.#refuseSize();
    if (head.status < 200) return this.#takeInterim(transfer, at);
    this.#interimCount = 0;
    const { exchange } = transfer;
    const { status, byteLength } = head;
    exchange.status = status;
    exchange.responseHeaders = head.headers;
    exchange.responseDate = head.date;
    exchange.responseByteLength = byteLength;
    this.isPersistent = head.isPersistent;
    this.keepAliveMs = head.keepAliveMs;
    const isEmpty = this.#frame(exchange.method, status);
    if (status === 204) exchange.responseByteLength = 0;
    transfer.open();
    if (this.#host.current !== transfer) return GONE;
    if (isEmpty) return this.#complete(at, end);
    if (at === end) this.#host.progressed();
    return at;
  }

  /** Decides how the body ends (RFC 9112 section 6.3); true when there is none. */
  #frame(method: string, status: number): boolean {
    const { byteLength, isChunked } = this.#head;
    if (method === 'HEAD' || status === 304) return true;
    if (status === 204) {
      // It has no body whatever it says; but who says so may send one nevertheless.
      if (byteLength > 0 || isChunked) this.isPersistent = false;
      return true;
    }
    if (isChunked) {
      this.#chunked ??= new ChunkedBody();
      this.#chunked.reset();
      this.#mode = CHUNKED;
    } else if (byteLength >= 0) {
      this.#bytesLeft = byteLength;
      if (byteLength === 0) return true;
      this.#mode = SIZED;
    } else {
      this.isPersistent = false;
      this.#mode = UNTIL_CLOSE;
    }
    return false;
  }

  #takeInterim({ exchange, isDiscarded }: Transfer, at: number): number {
    const { status, byteLength, isChunked, headers } = this.#head;
    // A WebSocket goes through the tunnel; nobody here has asked to switch protocols.
    if (status === 101) return this.#refuse('101 without having been asked');
    if (byteLength !== -1 || isChunked) return this.#refuse('an interim response with a body');
    this.#interimCount += 1;
    if (this.#interimCount > limits.interimResponseCount) {
      return this.#refuse('too many interim responses');
    }
    if (!isDiscarded) passHints(exchange, status, headers);
    return at;
  }

  #receiveSized(transfer: Transfer, bytes: Buffer, at: number, end: number): number {
    const after = Math.min(end, at + this.#bytesLeft);
    this.#bytesLeft -= after - at;
    const isFull = !transfer.sink!.write(bytes.subarray(at, after));
    if (this.#host.current !== transfer) return GONE;
    if (this.#bytesLeft === 0) return this.#complete(after, end);
    this.#goOn(isFull);
    return after;
  }

  #receiveChunked(transfer: Transfer, bytes: Buffer, at: number, end: number): number {
    const chunked = this.#chunked!;
    const result = chunked.decode(bytes, at, end);
    let isFull = false;
    if (chunked.dataEnd > chunked.dataStart) {
      isFull = !transfer.sink!.write(bytes.subarray(chunked.dataStart, chunked.dataEnd));
      if (this.#host.current !== transfer) return GONE;
    }
    if (result === CHUNKED_DONE) {
      transfer.exchange.responseTrailers = chunked.trailers();
      return this.#complete(chunked.end, end);
    }
    if (result === CHUNKED_MALFORMED) {
      this.#host.failed(new ProxyError('body_broken', chunked.problem));
      return GONE;
    }
    this.#goOn(isFull);
    return end;
  }

  #receiveUntilClose(transfer: Transfer, bytes: Buffer, at: number, end: number): number {
    const isFull = !transfer.sink!.write(bytes.subarray(at, end));
    if (this.#host.current !== transfer) return GONE;
    this.#goOn(isFull);
    return end;
  }

  #goOn(isFull: boolean): void {
    if (isFull) this.#host.pause();
    else this.#host.progressed();
  }

  #complete(at: number, end: number): number {
    this.#mode = HEAD;
    this.hasBegun = false;
    this.#host.completed(at < end);
    return this.#host.isClosed ? GONE : at;
  }

  #refuse(problem: string): typeof GONE {
    this.#host.failed(new ProxyError('bad_response', problem));
    return GONE;
  }

  #refuseSize(): typeof GONE {
    this.#host.failed(new ProxyError('response_head_too_large'));
    return GONE;
  }
}
