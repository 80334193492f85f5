// Clients that are slow to read what they asked for, and connections that outlive their last answer.
// Nothing here is made for a client that reads along.

import type { HttpResponse } from 'uWebSockets.js';
import type { Sweeper, Swept } from '../sweeper.ts';

/** How long a reader may take nothing at all before it is cut. */
const STALL_MS = 60_000;
/** The engine cuts a reader that has not caught up within 8 to 12 s, unless its timer starts anew. */
const REARM_MS = 3_000;
/** How long a client that was told to close may take until it is closed. */
const LINGER_MS = 10_000;

/** Keeps what a client is too slow to take, and watches it while it is. */
export class SlowReader implements Swept {
  readonly #sweeper: Sweeper;
  readonly #response: HttpResponse;
  readonly #onStall: () => void;
  #waiting: Uint8Array[] = [];
  #ticks = 0;

  constructor(sweeper: Sweeper, response: HttpResponse, onStall: () => void) {
    this.#sweeper = sweeper;
    this.#response = response;
    this.#onStall = onStall;
  }

  /** The client has just taken something, or has just begun to take too little. */
  watch(): void {
    this.#ticks = 0;
    this.#sweeper.add(this);
  }

  /** Keeps a copy. */
  keep(chunk: Uint8Array): void {
    if (chunk.byteLength > 0) this.#waiting.push(Uint8Array.from(chunk));
  }

  /** Returns all that is kept, in order, and forgets it. */
  takeAll(): Uint8Array[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  /** Must be called before the response becomes invalid. */
  stop(): void {
    this.#sweeper.remove(this);
    this.#waiting = [];
  }

  tick(): void {
    this.#ticks += 1;
    if (this.#ticks >= this.#sweeper.ticks(STALL_MS)) {
      this.stop();
      this.#onStall();
    } else if (this.#ticks % this.#sweeper.ticks(REARM_MS) === 0) {
      // In one go and on one socket this pair changes nothing but the engine's timer.
      this.#response.pause();
      this.#response.resume();
    }
  }
}

/** A connection whose last answer is out; closes it unless the client does so first. */
export class Lingering implements Swept {
  readonly #sweeper: Sweeper;
  readonly #response: HttpResponse;
  #ticks = 0;

  constructor(sweeper: Sweeper, response: HttpResponse) {
    this.#sweeper = sweeper;
    this.#response = response;
    sweeper.add(this);
  }

  /** The client takes on: what the engine still holds must be pushed out by us. */
  flush(): void {
    this.#response.cork(nothing);
    this.#ticks = 0;
  }

  /** The client has closed. */
  stop(): void {
    this.#sweeper.remove(this);
  }

  tick(): void {
    this.#ticks += 1;
    if (this.#ticks < this.#sweeper.ticks(LINGER_MS)) return;
    this.stop();
    this.#response.close();
  }
}

function nothing(): void {}
