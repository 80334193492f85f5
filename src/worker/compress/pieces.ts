// A body that is all here on its way to a client: given in pieces that a slow reader can make us wait for, so
// that it lies in memory once.

import { limits } from '../../core/limits.ts';
import type { Sink } from '../../core/sink.ts';

export class Pieces {
  readonly #next: Sink;
  readonly #body: Uint8Array;
  readonly #onOver: () => void;
  #offset = 0;
  #isPaused = false;
  #isGiving = false;
  #isOver = false;

  /** `onOver` is called once, when the last piece was given or nobody wants it; `next` ends after it. */
  constructor(next: Sink, body: Uint8Array, onOver: () => void) {
    this.#next = next;
    this.#body = body;
    this.#onOver = onOver;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Begins or goes on. */
  resume(): void {
    this.#isPaused = false;
    // From inside `write`: the loop that is running goes on.
    if (this.#isGiving || this.#isOver) return;
    this.#isGiving = true;
    while (!this.#isPaused && !this.#isOver && this.#offset < this.#body.byteLength) this.#give();
    this.#isGiving = false;
    if (this.#isOver || this.#offset < this.#body.byteLength) return;
    this.cancel();
    this.#next.end();
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onOver();
  }

  #give(): void {
    const end = this.#offset + limits.streamHighWaterBytes;
    const isWhole = this.#offset === 0 && end >= this.#body.byteLength;
    const chunk = isWhole ? this.#body : this.#body.subarray(this.#offset, end);
    this.#offset = end;
    if (!this.#next.write(chunk)) this.#isPaused = true;
  }
}
