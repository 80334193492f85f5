// A request body as the stream that undici wants: a Sink for the listener on one side, a Readable on the
// other, bounded by its high-water mark.

import { Readable } from 'node:stream';
import type { ProxyError } from '../../../core/errors.ts';
import { limits } from '../../../core/limits.ts';
import type { Sink, Source } from '../../../core/sink.ts';

/** Half for the stream; the socket behind it holds as much again. */
const HIGH_WATER_BYTES = limits.streamHighWaterBytes / 2;

export class RequestBodyStream implements Sink {
  readonly stream: Readable;
  readonly #onFail: (error: ProxyError) => void;
  #source: Source | null = null;

  /** `onFail` hears of a body that broke off on the client's side. */
  constructor(onFail: (error: ProxyError) => void) {
    this.#onFail = onFail;
    this.stream = new Readable({
      highWaterMark: HIGH_WATER_BYTES,
      read: () => this.#source?.resume(),
      // The error is swallowed: it has its own way to the attempt, and nobody else listens here.
      destroy: (_error, callback) => {
        this.#source = null;
        callback(null);
      },
    });
  }

  start(source: Source): void {
    this.#source = source;
  }

  /** After the end of the attempt chunks are refused: the body may go to another one. */
  write(chunk: Uint8Array): boolean {
    if (this.stream.destroyed) return false;
    return this.stream.push(Buffer.from(chunk));
  }

  end(): void {
    this.#source = null;
    if (!this.stream.destroyed) this.stream.push(null);
  }

  fail(error: ProxyError): void {
    if (!this.stream.destroyed) this.#onFail(error);
  }

  /** Nobody will want the rest. */
  cancel(error: ProxyError): void {
    this.#source?.cancel(error);
    this.#source = null;
  }
}
