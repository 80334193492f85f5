// The body of a request as the engine delivers it. What can't be passed on during the engine's call is
// copied into a queue; up to `replayBytes` everything stays there for another attempt.
//
//   #queue  [ delivered, held for a replay | not delivered yet ]
//                                           ▲ #next
//
// Pausing: the engine hands out up to 512 KiB at a time whether or not more is wanted, so that much can
// come on top of any bound. A paused socket is not polled at all: the engine writes nothing more to it by
// itself and does not notice that the client leaves. So the socket of a slow reader is never paused (see
// BodyOwner.pausable), and one that stays paused is opened for a moment now and then.

import type { HttpResponse } from 'uWebSockets.js';
import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { RequestBody } from '../../../core/request-body.ts';
import type { Sink } from '../../../core/sink.ts';
import type { Swept } from '../sweeper.ts';
import { UploadPace } from '../upload-pace.ts';
import type { ListenerState } from './listener-state.ts';
import { giveBack, keepCopy } from './slabs.ts';

/** The engine cuts who sends less than 160 KiB in 10 s, unless its timer starts anew. */
const REARM_MS = 3_000;
/** A client that is paused for this long is looked at, at the cost of what it has sent by then. */
const PEEK_MS = 3_000;
/**
 * A client that sends on while it does not read what it is answered can't be paused. So much may always
 * wait: two full reads of the engine. It is cut beyond that when all of a listener who have more hold too
 * much.
 */
const OVERRUN_BYTES = 1024 * 1024;
const OVERRUN_BYTES_OF_ALL = 64 * 1024 * 1024;

/**
 * Held at most when the engine reads on although it is paused, as it does with a client that sends faster
 * than memory is copied (see slabs): loopback under load. Beyond it the connection is cut.
 */
const FLOOD_BYTES_MAX = 256 * 1024 * 1024;

/** The response side of the same exchange, as far as its body has to know. */
export interface BodyOwner {
  readonly exchange: Exchange;
  /** What reading can be paused and resumed with, null when that must not be. */
  readonly pausable: HttpResponse | null;
  /** Cuts the connection. */
  fail(error: ProxyError): void;
}

export class ReceivedBody implements RequestBody, Swept {
  readonly byteLength: number;
  bytesMax = 0;
  readonly #state: ListenerState;
  readonly #client: BodyOwner;
  #queue: Uint8Array[] = [];
  #next = 0;
  /** Bytes from `#next` on. */
  #waitingBytes = 0;
  #receivedBytes = 0;
  #isHolding = true;
  /** Whoever is piped only looks: all of it stays held, whatever its length. */
  #isPeeked = false;
  #sink: Sink | null = null;
  #isSinkFull = false;
  #isDelivering = false;
  #hasEnded = false;
  #isDiscarding = false;
  /** We have paused the engine and not resumed it. */
  #isPaused = false;
  /** Our part of what the listener holds beyond the measure. */
  #overrunBytes = 0;
  #error: ProxyError | null = null;
  #ticks = 0;
  /** Since something came. */
  #idleTicks = 0;
  readonly #pace = new UploadPace();

  constructor(state: ListenerState, client: BodyOwner, byteLength: number) {
    this.#state = state;
    this.#client = client;
    this.byteLength = byteLength;
  }

  get replayable(): boolean {
    return this.#isHolding && this.#error === null;
  }

  get complete(): Uint8Array | null {
    if (!this.#hasEnded || !this.replayable || this.#isTooLarge()) return null;
    if (this.#queue.length > 1) {
      // Part of it delivered means that it is being piped: then nobody asks, but nothing must break.
      if (this.#next > 0 && this.#next < this.#queue.length) return null;
      this.#next = Math.min(this.#next, 1);
      this.#queue = [Buffer.concat(this.#queue)];
    }
    return this.#queue[0] ?? new Uint8Array(0);
  }

  /** More is to come from the client. */
  get isArriving(): boolean {
    return !this.#hasEnded;
  }

  /** The engine has a piece, valid during the call only. */
  receive(chunk: ArrayBuffer, isLast: boolean): void {
    this.#idleTicks = 0;
    if (isLast) {
      this.#hasEnded = true;
      this.#state.sweeper.remove(this);
    }
    if (this.#isDiscarding || this.#error !== null) return;
    this.#receivedBytes += chunk.byteLength;
    this.#client.exchange.bytesReceived = this.#receivedBytes;
    if (chunk.byteLength > 0 && !this.#isTooLarge()) this.#take(new Uint8Array(chunk));
    this.#deliver();
  }

  pipe(sink: Sink): void {
    this.#isPeeked = false;
    this.#begin(sink);
  }

  peek(sink: Sink): void {
    this.#isPeeked = true;
    this.#begin(sink);
  }

  release(): void {
    this.#isHolding = false;
    this.#forgetDelivered();
  }

  pause(): void {
    if (this.#isSinkFull) return;
    this.#isSinkFull = true;
    this.#throttle();
  }

  resume(): void {
    if (!this.#isSinkFull) return;
    this.#isSinkFull = false;
    this.#deliver();
  }

  cancel(): void {
    this.#sink = null;
    this.#throttle();
  }

  /** The body breaks off: the client is gone, too slow, or sends too much. */
  fail(error: ProxyError): void {
    if (this.#error !== null || this.#isDiscarding) return;
    this.#error = error;
    this.#forgetAll();
    const sink = this.#sink;
    this.#sink = null;
    sink?.fail(error);
  }

  /** The exchange is over, what still comes is thrown away. Called while the response is still valid. */
  discard(): void {
    if (this.#isDiscarding) return;
    this.#isDiscarding = true;
    this.#sink = null;
    this.#state.sweeper.remove(this);
    this.#forgetAll();
  }

  tick(): void {
    const { sweeper, settings } = this.#state;
    this.#ticks += 1;
    this.#idleTicks += 1;
    if (this.#isPaused) {
      this.#idleTicks = 0;
      this.#pace.restart(this.#receivedBytes);
      if (this.#ticks % sweeper.ticks(PEEK_MS) !== 0) return;
      if (this.#waitingBytes <= settings.streamBufferBytes) this.#setPaused(false);
    } else if (!this.#hasEnded && this.#isLate()) {
      sweeper.remove(this);
      this.fail(new ProxyError('request_timeout', 'body'));
    } else if (this.#ticks % sweeper.ticks(REARM_MS) === 0) {
      const response = this.#client.pausable;
      response?.pause();
      response?.resume();
    }
  }

  #begin(sink: Sink): void {
    this.#sink = sink;
    this.#isSinkFull = false;
    while (this.#next > 0) {
      this.#next -= 1;
      this.#waitingBytes += this.#queue[this.#next]!.byteLength;
    }
    sink.start(this);
    this.#deliver();
  }

  /** Nothing came for too long, or too little. */
  #isLate(): boolean {
    const { sweeper, settings } = this.#state;
    const isIdle = this.#idleTicks >= sweeper.ticks(settings.requestBodyIdleMs);
    return isIdle || this.#pace.isTooSlow(this.#receivedBytes, settings, sweeper);
  }

  /** The limit may come after the bytes: serve sets it. */
  #isTooLarge(): boolean {
    return this.bytesMax > 0 && this.#receivedBytes > this.bytesMax;
  }

  #take(chunk: Uint8Array): void {
    if (this.#isHolding && this.#sink !== null && !this.#isPeeked) {
      if (this.#receivedBytes > this.#state.settings.replayBytes) this.release();
    }
    const isNext = this.#sink !== null && !this.#isSinkFull && this.#waitingBytes === 0;
    if (isNext && !this.#isHolding) {
      if (!this.#sink!.write(chunk)) this.pause();
      return;
    }
    this.#queue.push(keepCopy(chunk));
    this.#waitingBytes += chunk.byteLength;
  }

  #deliver(): void {
    if (this.#isDelivering) return;
    if (this.#isTooLarge() && this.#sink !== null) this.fail(new ProxyError('body_too_large'));
    this.#isDelivering = true;
    while (this.#sink !== null && !this.#isSinkFull && this.#next < this.#queue.length) {
      const chunk = this.#queue[this.#next]!;
      this.#next += 1;
      this.#waitingBytes -= chunk.byteLength;
      if (!this.#sink.write(chunk)) this.#isSinkFull = true;
      if (!this.#isHolding) this.#forgetDelivered();
    }
    this.#isDelivering = false;
    this.#settle();
    this.#throttle();
  }

  /** Tells the sink how it ended, when everything before has been delivered. */
  #settle(): void {
    const sink = this.#sink;
    if (sink === null) return;
    if (this.#error !== null) {
      this.#sink = null;
      sink.fail(this.#error);
    } else if (this.#hasEnded && this.#next === this.#queue.length) {
      this.#sink = null;
      sink.end();
    }
  }

  #throttle(): void {
    if (this.#hasEnded || this.#isDiscarding) {
      this.#setPaused(false);
      return;
    }
    const isSinkFull = this.#sink !== null && this.#isSinkFull;
    const isFull = this.#waitingBytes > this.#state.settings.streamBufferBytes;
    this.#setPaused(isSinkFull || isFull);
  }

  #setPaused(wanted: boolean): void {
    this.#countOverrun();
    const response = this.#client.pausable;
    if (wanted) {
      // Again and again while pieces arrive: a failed write makes the engine poll on its own account.
      if (this.#waitingBytes > FLOOD_BYTES_MAX) {
        this.#client.fail(new ProxyError('overloaded', 'client outruns the proxy'));
      } else if (response !== null) {
        response.pause();
        this.#isPaused = true;
      } else if (this.#overrunBytes > 0 && this.#state.overrunBytes > OVERRUN_BYTES_OF_ALL) {
        this.#client.fail(new ProxyError('overloaded', 'client reads nothing and sends on'));
      }
    } else if (this.#isPaused) {
      // Never without a pause before: the engine would stop polling. A slow reader's socket is polled.
      this.#isPaused = false;
      response?.resume();
      // That has started the engine's timer, and without another byte of the body nothing stops it.
      if (this.#hasEnded && !this.#isDiscarding) this.#state.sweeper.add(this);
    }
  }

  #countOverrun(): void {
    const bytes = this.#waitingBytes > OVERRUN_BYTES ? this.#waitingBytes : 0;
    this.#state.overrunBytes += bytes - this.#overrunBytes;
    this.#overrunBytes = bytes;
  }

  #forgetDelivered(): void {
    if (this.#next === 0) return;
    for (let at = 0; at < this.#next; at++) giveBack(this.#queue[at]!);
    this.#queue.splice(0, this.#next);
    this.#next = 0;
  }

  #forgetAll(): void {
    for (const piece of this.#queue) giveBack(piece);
    this.#queue = [];
    this.#next = 0;
    this.#waitingBytes = 0;
    this.#setPaused(false);
  }
}
