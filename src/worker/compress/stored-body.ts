// An answer from a cache in another coding: the plain body that comes is let go, its encoding goes out in its
// place, in pieces that a slow reader can make us wait for. The head waits until that is there.

import type { CachedVariant } from '../../core/cache.ts';
import type { ContentCoding } from '../../core/compression.ts';
import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Sink, Source } from '../../core/sink.ts';
import { announceCoding } from './compressed-stream.ts';
import { Pieces } from './pieces.ts';

export class StoredBody implements Sink, Source {
  readonly #exchange: Exchange;
  readonly #next: Sink;
  readonly #variant: CachedVariant;
  /** What goes out; null while it is being made. */
  #pieces: Pieces | null = null;
  #hasEnded = false;
  #isOver = false;

  constructor(exchange: Exchange, next: Sink, variant: CachedVariant) {
    this.#exchange = exchange;
    this.#next = next;
    this.#variant = variant;
  }

  /** This goes out; null: the plain body. Fields and length are settled here. */
  settle(encoded: Uint8Array | null, coding: ContentCoding): void {
    if (this.#isOver) return;
    if (encoded !== null) {
      this.#exchange.plainBytes = this.#variant.body.byteLength;
      announceCoding(this.#exchange, coding, encoded.byteLength);
    }
    const body = encoded ?? this.#variant.body;
    this.#pieces = new Pieces(this.#next, body, () => this.#close());
    if (this.#hasEnded) this.#give();
  }

  start(): void {
    this.#exchange.running = this;
  }

  write(): boolean {
    return true;
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#pieces !== null) this.#give();
  }

  fail(error: ProxyError): void {
    this.cancel();
    this.#next.start(this);
    this.#next.fail(error);
  }

  pause(): void {
    this.#pieces?.pause();
  }

  resume(): void {
    if (this.#hasEnded) this.#pieces?.resume();
  }

  cancel(): void {
    this.#pieces?.cancel();
    this.#close();
  }

  /** The head is settled, and nothing has been given yet. */
  #give(): void {
    this.#next.start(this);
    this.#pieces!.resume();
  }

  #close(): void {
    this.#isOver = true;
    if (this.#exchange.running === this) this.#exchange.running = null;
  }
}
