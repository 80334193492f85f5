// A body that is gathered in memory, within what all bodies of a worker may take at a time.

import type { Compression } from './compression.ts';

const NOTHING = new Uint8Array(0);

export class GatheredBody {
  readonly #compression: Compression;
  /** Null until the first chunk. */
  #room: Uint8Array<ArrayBuffer> | null = null;
  #length = 0;
  /** What was transferred to a thread counts until it is released, too. */
  #reserved = 0;

  constructor(compression: Compression) {
    this.#compression = compression;
  }

  /** What is there: a view of memory that is this body's alone. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#room === null ? NOTHING : this.#room.subarray(0, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  /** Copies a chunk; false: it is more than `capacity` in all, or there is no memory for that much. */
  append(chunk: Uint8Array, capacity: number): boolean {
    if (this.#length + chunk.byteLength > capacity) return false;
    if (this.#room === null) {
      if (!this.#compression.hold(capacity)) return false;
      this.#reserved = capacity;
      this.#room = Buffer.allocUnsafeSlow(capacity);
    }
    this.#room.set(chunk, this.#length);
    this.#length += chunk.byteLength;
    return true;
  }

  /** Lets it go; idempotent. */
  release(): void {
    this.#compression.letGo(this.#reserved);
    this.#reserved = 0;
    this.#room = null;
    this.#length = 0;
  }
}
