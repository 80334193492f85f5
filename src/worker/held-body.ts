// The body of a request that is sent more than once at a time: to a shadow, or by two attempts.

import type { RequestBody } from '../core/request-body.ts';
import type { Sink } from '../core/sink.ts';

/** A request body that is all there. */
export class HeldBody implements RequestBody {
  readonly byteLength: number;
  readonly complete: Uint8Array;
  readonly replayable = true;
  bytesMax = 0;
  #sink: Sink | null = null;

  /** Copies `bytes`: they belong to somebody who will release them. */
  constructor(bytes: Uint8Array) {
    this.complete = new Uint8Array(bytes);
    this.byteLength = bytes.length;
  }

  pipe(sink: Sink): void {
    this.#sink = sink;
    sink.start(this);
    if (this.complete.length > 0) sink.write(this.complete);
    // A sink that has had enough cancels inside of `write`.
    if (this.#sink === sink) sink.end();
  }

  peek(sink: Sink): void {
    this.pipe(sink);
  }

  cancel(): void {
    this.#sink = null;
  }

  pause(): void {}
  resume(): void {}
  release(): void {}
}
