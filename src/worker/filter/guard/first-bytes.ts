// Waits for the first bytes of a request body, and leaves the body as if nobody had looked: it is piped again
// from its first byte.

import type { RequestBody } from '../../../core/request-body.ts';
import type { Sink } from '../../../core/sink.ts';

/** Returns up to `bytesMax` bytes at once when the body is there, else when they are; empty when it breaks. */
export function firstBytes(body: RequestBody, bytesMax: number): Uint8Array | Promise<Uint8Array> {
  if (body.complete !== null) return body.complete.subarray(0, bytesMax);
  // What can't be sent again must not be looked at.
  if (!body.replayable) return NOTHING;
  return new Promise((resolve) => body.peek(new Collector(bytesMax, resolve)));
}

const NOTHING = new Uint8Array(0);

class Collector implements Sink {
  readonly #bytesMax: number;
  readonly #resolve: (bytes: Uint8Array) => void;
  readonly #chunks: Buffer[] = [];
  #length = 0;

  constructor(bytesMax: number, resolve: (bytes: Uint8Array) => void) {
    this.#bytesMax = bytesMax;
    this.#resolve = resolve;
  }

  start(): void {}

  /** Full for good when it has enough: whoever pipes the body next goes on. */
  write(chunk: Uint8Array): boolean {
    if (this.#length >= this.#bytesMax) return false;
    this.#chunks.push(Buffer.from(chunk.subarray(0, this.#bytesMax - this.#length)));
    this.#length += this.#chunks.at(-1)!.length;
    if (this.#length < this.#bytesMax) return true;
    this.end();
    return false;
  }

  end(): void {
    this.#resolve(Buffer.concat(this.#chunks));
  }

  fail(): void {
    this.#resolve(NOTHING);
  }
}
