// The body of a request as a web stream: chunks are copied as they come, and the client is paused while
// nobody reads.

import type { ProxyError } from '../../core/errors.ts';
import type { RequestBody } from '../../core/request-body.ts';
import type { Sink, Source } from '../../core/sink.ts';

/** Returns the stream; `onFail` is told why the body broke off, beside whoever reads. */
export function requestStream(
  body: RequestBody,
  bufferBytes: number,
  onFail: (error: ProxyError) => void,
): ReadableStream<Uint8Array> {
  const sink = new StreamSink(onFail);
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        sink.controller = controller;
      },
      pull() {
        if (sink.source === null) body.pipe(sink);
        else sink.resume();
      },
      cancel() {
        sink.close();
      },
    },
    { highWaterMark: bufferBytes, size: (chunk) => chunk.byteLength },
  );
}

class StreamSink implements Sink {
  source: Source | null = null;
  controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly #onFail: (error: ProxyError) => void;
  #isFull = false;
  #isClosed = false;

  constructor(onFail: (error: ProxyError) => void) {
    this.#onFail = onFail;
  }

  start(source: Source): void {
    this.source = source;
  }

  write(chunk: Uint8Array): boolean {
    // Nobody reads any more: the listener takes the rest away when the response is complete.
    if (this.#isClosed) return false;
    this.controller.enqueue(new Uint8Array(chunk));
    this.#isFull = (this.controller.desiredSize ?? 0) <= 0;
    return !this.#isFull;
  }

  end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.controller.close();
  }

  fail(error: ProxyError): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.controller.error(new Error(error.failure.message));
    this.#onFail(error);
  }

  resume(): void {
    if (!this.#isFull || this.#isClosed) return;
    this.#isFull = false;
    this.source?.resume();
  }

  close(): void {
    this.#isClosed = true;
  }
}
