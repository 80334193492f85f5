// The body of a request as a Node stream delivers it, of either protocol. What can't be passed on at once
// is queued; up to `replayBytes` everything stays there for another attempt.
//
//   #queue  [ delivered, held for a replay | not delivered yet ]
//                                           ▲ #next

import type { Readable } from 'node:stream';
import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { RawHeaders } from '../../../core/headers.ts';
import type { RequestBody } from '../../../core/request-body.ts';
import type { Sink } from '../../../core/sink.ts';
import type { Swept } from '../sweeper.ts';
import { UploadPace } from '../upload-pace.ts';
import type { ListenerState } from './listener-state.ts';

const NOTHING = new Uint8Array(0);

export interface ReceivedBodyOptions {
  readonly input: Readable;
  /** Whether the end of `input` is that of the body, too; otherwise nothing more is to be heard of it. */
  readonly isWhole: () => boolean;
  /** As declared, -1 when it was not. */
  readonly byteLength: number;
  /** Somebody wants the body: tell a client that waits for this. */
  readonly proceed: () => void;
}

export class ReceivedBody implements RequestBody, Swept {
  readonly byteLength: number;
  bytesMax = 0;
  trailers: RawHeaders | null = null;
  /** Set right after construction. */
  exchange!: Exchange;
  readonly #state: ListenerState;
  readonly #input: Readable;
  readonly #proceed: () => void;
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
  #isPaused = false;
  #error: ProxyError | null = null;
  /** Since something came. */
  #idleTicks = 0;
  readonly #pace = new UploadPace();

  constructor(state: ListenerState, options: ReceivedBodyOptions) {
    const { input, isWhole, byteLength, proceed } = options;
    this.#state = state;
    this.#input = input;
    this.byteLength = byteLength;
    this.#proceed = proceed;
    input.on('data', (chunk: Buffer) => this.#guarded(() => this.#receive(chunk)));
    input.on('end', () => {
      if (isWhole()) this.#guarded(() => this.#end());
    });
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
    return this.#queue[0] ?? NOTHING;
  }

  /** More is to come from the client. */
  get isArriving(): boolean {
    return !this.#hasEnded;
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

  /** The exchange is over, what still comes is thrown away. */
  discard(): void {
    if (this.#isDiscarding) return;
    this.#isDiscarding = true;
    this.#sink = null;
    this.#state.sweeper.remove(this);
    this.#forgetAll();
  }

  tick(): void {
    if (this.#isPaused) {
      this.#idleTicks = 0;
      this.#pace.restart(this.#receivedBytes);
      return;
    }
    this.#idleTicks += 1;
    if (!this.#isLate()) return;
    this.#state.sweeper.remove(this);
    this.fail(new ProxyError('request_timeout', 'body'));
  }

  #begin(sink: Sink): void {
    this.#sink = sink;
    this.#isSinkFull = false;
    while (this.#next > 0) {
      this.#next -= 1;
      this.#waitingBytes += this.#queue[this.#next]!.byteLength;
    }
    if (!this.#hasEnded) this.#proceed();
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

  #receive(chunk: Buffer): void {
    this.#idleTicks = 0;
    if (this.#isDiscarding || this.#error !== null) return;
    this.#receivedBytes += chunk.byteLength;
    this.exchange.bytesReceived = this.#receivedBytes;
    if (!this.#isTooLarge()) this.#take(chunk);
    this.#deliver();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#state.sweeper.remove(this);
    if (!this.#isDiscarding && this.#error === null) this.#deliver();
  }

  #take(chunk: Buffer): void {
    if (this.#isHolding && this.#sink !== null && !this.#isPeeked) {
      if (this.#receivedBytes > this.#state.settings.replayBytes) this.release();
    }
    const isNext = this.#sink !== null && !this.#isSinkFull && this.#waitingBytes === 0;
    if (isNext && !this.#isHolding) {
      if (!this.#sink!.write(chunk)) this.pause();
      return;
    }
    this.#queue.push(chunk);
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
    const isSinkFull = this.#sink !== null && this.#isSinkFull;
    const isFull = this.#waitingBytes > this.#state.settings.streamBufferBytes;
    const wanted = !this.#hasEnded && !this.#isDiscarding && (isSinkFull || isFull);
    if (wanted === this.#isPaused) return;
    this.#isPaused = wanted;
    if (wanted) this.#input.pause();
    else this.#input.resume();
  }

  #forgetDelivered(): void {
    if (this.#next === 0) return;
    this.#queue.splice(0, this.#next);
    this.#next = 0;
  }

  #forgetAll(): void {
    this.#queue = [];
    this.#next = 0;
    this.#waitingBytes = 0;
    this.#throttle();
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#state.report(error);
      this.fail(new ProxyError('internal_error', 'exception'));
    }
  }
}
