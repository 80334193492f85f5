// Slows responses down to a rate: what a client may have fills up with time, up to a second's worth, and is
// spent by what it gets. What may not go yet is held (no more than what came before the source could stop),
// and the source waits.

import type { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { ResponseStage } from '../../../core/filter.ts';
import type { Sink, Source } from '../../../core/sink.ts';
import type { Paced, Pacer } from './pacer.ts';

export interface BandwidthOptions {
  readonly bytesPerSecond: number;
  /** So much goes at full speed first. */
  readonly afterBytes: number;
  readonly pacer: Pacer;
}

export class Bandwidth implements ResponseStage {
  readonly name = 'bandwidth';
  readonly #options: BandwidthOptions;

  constructor(options: BandwidthOptions) {
    this.#options = options;
  }

  attach(exchange: Exchange, next: Sink): Sink {
    const { bytesPerSecond, afterBytes } = this.#options;
    const { method, responseByteLength: total } = exchange;
    const isSlowed = method !== 'HEAD' && (total < 0 || total > bytesPerSecond + afterBytes);
    return isSlowed ? new PacedBody(exchange, next, this.#options) : next;
  }
}

class PacedBody implements Sink, Source, Paced {
  readonly #exchange: Exchange;
  readonly #next: Sink;
  readonly #options: BandwidthOptions;
  #source: Source | null = null;
  /** Bytes that may go now. */
  #allowance: number;
  #filledAtMs: number;
  /** What has come and may not go yet. */
  #held: Uint8Array[] = [];
  #isFull = false;
  #isGiving = false;
  #hasEnded = false;
  #isOver = false;

  constructor(exchange: Exchange, next: Sink, options: BandwidthOptions) {
    this.#exchange = exchange;
    this.#next = next;
    this.#options = options;
    this.#allowance = options.bytesPerSecond + options.afterBytes;
    this.#filledAtMs = options.pacer.nowMs();
  }

  // As a sink.

  start(source: Source): void {
    this.#source = source;
    this.#exchange.running = this;
    this.#next.start(this);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return true;
    this.#fill(this.#options.pacer.nowMs());
    this.#giveHeld();
    const taken = this.#mayGive() && this.#held.length === 0 ? this.#give(chunk) : 0;
    if (taken < chunk.byteLength && !this.#isOver) {
      this.#held.push(Uint8Array.from(chunk.subarray(taken)));
    }
    return this.#goesOn();
  }

  end(): void {
    if (this.#isOver) return;
    this.#hasEnded = true;
    this.#source = null;
    if (this.#held.length === 0) this.#finish();
  }

  fail(error: ProxyError): void {
    if (this.#isOver) return;
    this.#close();
    this.#next.fail(error);
  }

  // As a source.

  pause(): void {
    this.#isFull = true;
    this.#source?.pause();
  }

  resume(): void {
    this.#isFull = false;
    // From inside `write`: whoever runs there sees it.
    if (!this.#isGiving && !this.#isOver) this.#flush();
  }

  cancel(error: ProxyError): void {
    if (this.#isOver) return;
    const source = this.#source;
    this.#close();
    source?.cancel(error);
  }

  tick(nowMs: number): void {
    this.#fill(nowMs);
    this.#flush();
  }

  #mayGive(): boolean {
    return this.#allowance > 0 && !this.#isFull && !this.#isGiving && !this.#isOver;
  }

  #fill(nowMs: number): void {
    const { bytesPerSecond } = this.#options;
    const more = ((nowMs - this.#filledAtMs) * bytesPerSecond) / 1000;
    this.#filledAtMs = nowMs;
    // What the client was given at first is not taken away again.
    if (this.#allowance < bytesPerSecond) {
      this.#allowance = Math.min(bytesPerSecond, this.#allowance + more);
    }
  }

  /** Gives what may go of a chunk; returns how much that was. */
  #give(chunk: Uint8Array): number {
    const bytes = Math.min(chunk.byteLength, Math.ceil(this.#allowance));
    this.#allowance -= bytes;
    this.#isGiving = true;
    if (!this.#next.write(bytes === chunk.byteLength ? chunk : chunk.subarray(0, bytes))) {
      this.#isFull = true;
    }
    this.#isGiving = false;
    return bytes;
  }

  #giveHeld(): void {
    while (this.#held.length > 0 && this.#mayGive()) {
      const chunk = this.#held[0]!;
      const taken = this.#give(chunk);
      // What is over holds nothing.
      if (this.#isOver) return;
      if (taken === chunk.byteLength) this.#held.shift();
      else this.#held[0] = chunk.subarray(taken);
    }
  }

  /** Gives what is held, as far as it may go; then the source goes on, or it is over. */
  #flush(): void {
    this.#giveHeld();
    if (!this.#goesOn() || this.#isOver) return;
    if (this.#hasEnded) this.#finish();
    else this.#source?.resume();
  }

  /** Tells whether more may come; waits for time to pass when it is that which is missing. */
  #goesOn(): boolean {
    if (this.#isOver) return true;
    const { pacer } = this.#options;
    const hasTime = this.#allowance > 0;
    if (hasTime) pacer.remove(this);
    else pacer.add(this);
    return hasTime && !this.#isFull && this.#held.length === 0;
  }

  #finish(): void {
    this.#close();
    this.#next.end();
  }

  #close(): void {
    this.#isOver = true;
    this.#source = null;
    this.#held = [];
    this.#options.pacer.remove(this);
    if (this.#exchange.running === this) this.#exchange.running = null;
  }
}
