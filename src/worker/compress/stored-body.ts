// An answer from a cache in another coding: the plain body that comes is let go, its encoding goes out in its
// place, in pieces that a slow reader can make us wait for.

import type { CachedVariant } from '../../core/cache.ts';
import type { ContentCoding } from '../../core/compression.ts';
import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { limits } from '../../core/limits.ts';
import type { Sink, Source } from '../../core/sink.ts';
import { recodedFields } from './response-fields.ts';

export class StoredBody implements Sink, Source {
  readonly #exchange: Exchange;
  readonly #next: Sink;
  readonly #variant: CachedVariant;
  /** What goes out; null while it is being made. */
  #body: Uint8Array | null = null;
  #hasEnded = false;
  #offset = 0;
  #isPaused = false;
  #isGiving = false;
  #isOver = false;

  constructor(exchange: Exchange, next: Sink, variant: CachedVariant) {
    this.#exchange = exchange;
    this.#next = next;
    this.#variant = variant;
  }

  /** This goes out; null: the plain body. Fields and length are settled here. */
  settle(encoded: Uint8Array | null, coding: ContentCoding): void {
    if (this.#isOver) return;
    this.#body = encoded ?? this.#variant.body;
    if (encoded !== null) announceStored(this.#exchange, encoded, coding);
    if (this.#hasEnded) this.#give();
  }

  start(): void {
    this.#exchange.running = this;
    this.#next.start(this);
  }

  write(): boolean {
    return true;
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#body !== null) this.#give();
  }

  fail(error: ProxyError): void {
    this.cancel();
    this.#next.fail(error);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#hasEnded && this.#body !== null) this.#give();
  }

  cancel(): void {
    this.#isOver = true;
    if (this.#exchange.running === this) this.#exchange.running = null;
  }

  #give(): void {
    // From inside `write`: the loop that is running goes on.
    if (this.#isGiving || this.#isOver) return;
    this.#isGiving = true;
    const body = this.#body!;
    while (!this.#isPaused && !this.#isOver && this.#offset < body.byteLength) {
      const end = this.#offset + limits.streamHighWaterBytes;
      const isWhole = this.#offset === 0 && end >= body.byteLength;
      const chunk = isWhole ? body : body.subarray(this.#offset, end);
      this.#offset = end;
      if (!this.#next.write(chunk)) this.#isPaused = true;
    }
    this.#isGiving = false;
    if (this.#isOver || this.#offset < body.byteLength) return;
    this.cancel();
    this.#next.end();
  }
}

/** Settles fields and length of an answer that goes out in a coding made before. */
export function announceStored(
  exchange: Exchange,
  encoded: Uint8Array,
  coding: ContentCoding,
): void {
  exchange.responseHeaders = recodedFields(exchange.responseHeaders, coding);
  exchange.plainBytes = exchange.responseByteLength;
  exchange.responseByteLength = encoded.byteLength;
  exchange.encoding = coding;
}
