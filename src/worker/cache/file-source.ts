// A stored body that is read from its file at the pace of its client: of all of it, a piece is in memory.

import type { StoredFile } from '../../core/cache.ts';
import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { limits } from '../../core/limits.ts';
import type { Sink, Source } from '../../core/sink.ts';
import type { ByteRange } from './byte-ranges.ts';

export class FileSource implements Source {
  readonly #exchange: Exchange;
  readonly #sink: Sink;
  readonly #file: StoredFile;
  readonly #parts: readonly (Uint8Array | ByteRange)[];
  #part = 0;
  /** Given of this part. */
  #given = 0;
  #piece: Uint8Array | null = null;
  /** Read while the client wanted no more. */
  #kept: Uint8Array | null = null;
  #isPaused = false;
  #isGiving = false;
  #isOver = false;

  /** Holds the file until the body is given. */
  constructor(
    exchange: Exchange,
    sink: Sink,
    file: StoredFile,
    parts: readonly (Uint8Array | ByteRange)[],
  ) {
    this.#exchange = exchange;
    this.#sink = sink;
    this.#file = file;
    this.#parts = parts;
    file.hold();
  }

  begin(): void {
    this.#exchange.running = this;
    this.#sink.start(this);
    this.resume();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    // It goes on by itself, when what it reads is there.
    if (!this.#isGiving && !this.#isOver) void this.#give();
  }

  cancel(): void {
    if (!this.#isOver) this.#close();
  }

  /** Never rejects. */
  async #give(): Promise<void> {
    this.#isGiving = true;
    while (!this.#isPaused && !this.#hasGivenAll()) {
      const chunk = this.#kept ?? (await this.#next());
      this.#kept = null;
      if (this.#isOver) return;
      if (chunk === null) {
        const error = new ProxyError('body_broken', 'the disk of the cache fails');
        this.#exchange.failure ??= error;
        this.#close();
        this.#sink.fail(error);
        return;
      }
      if (this.#isPaused) this.#kept = chunk;
      else if (!this.#sink.write(chunk)) this.#isPaused = true;
      if (this.#isOver) return;
    }
    this.#isGiving = false;
    if (!this.#hasGivenAll() || this.#isPaused) return;
    this.#close();
    this.#sink.end();
  }

  #hasGivenAll(): boolean {
    return this.#kept === null && this.#part === this.#parts.length;
  }

  /** The next chunk, valid until the one after it; null when it can't be read. */
  async #next(): Promise<Uint8Array | null> {
    const part = this.#parts[this.#part]!;
    if (part instanceof Uint8Array) {
      this.#part += 1;
      return part;
    }
    this.#piece ??= Buffer.allocUnsafeSlow(limits.streamHighWaterBytes);
    const offset = part.first + this.#given;
    const length = Math.min(this.#piece.byteLength, part.last + 1 - offset);
    const chunk = this.#piece.subarray(0, length);
    if (!(await this.#file.read(chunk, offset))) return null;
    this.#given += length;
    if (offset + length > part.last) {
      this.#part += 1;
      this.#given = 0;
    }
    return chunk;
  }

  #close(): void {
    this.#isOver = true;
    this.#piece = null;
    if (this.#exchange.running === this) this.#exchange.running = null;
    this.#file.release();
  }
}
