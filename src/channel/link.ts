// One end of an ordered, bounded link between two processes: whole messages over a socket. A frame that
// is not a message, or a backlog that is full, ends the link; neither ever throws or grows.

import type { Socket } from 'node:net';
import { limits } from '../core/limits.ts';
import { encodeFrame, FrameDecoder } from './frame.ts';

/** Why a link is over; `closed` is the other side's doing, `ended` this side's. */
export type LinkEnd = 'closed' | 'ended' | 'malformed' | 'overflow';

/** What happened on all links of a process since it started. */
export interface LinkCounters {
  messagesIn: number;
  messagesOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Links closed because what came was not a message. */
  malformed: number;
  /** Links closed because the other side did not read. */
  overflows: number;
  /** Messages not sent because they were longer than a frame may be. */
  oversized: number;
}

export function createLinkCounters(): LinkCounters {
  return {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    malformed: 0,
    overflows: 0,
    oversized: 0,
  };
}

export interface LinkOptions<In> {
  readonly counters: LinkCounters;
  /** Judges a value; null is malformed. */
  readonly parse: (value: unknown) => In | null;
  readonly onMessage: (message: In) => void;
  /** Called exactly once, never from inside `send` or `end`. */
  readonly onClose: (end: LinkEnd) => void;
  /** Bytes that may wait unsent; default `limits.linkBacklogBytes`. */
  readonly backlogBytesMax?: number;
}

export class Link<In, Out> {
  readonly #socket: Socket;
  readonly #options: LinkOptions<In>;
  readonly #decoder = new FrameDecoder();
  readonly #backlogBytesMax: number;
  #readAtMs = 0;
  #end: LinkEnd | null = null;
  /** A message has left in this turn of the event loop: the others leave together at its end. */
  #isGathering = false;
  readonly #flush = () => {
    this.#isGathering = false;
    this.#socket.uncork();
  };

  /** Takes over a connected socket. */
  constructor(socket: Socket, options: LinkOptions<In>) {
    this.#socket = socket;
    this.#options = options;
    this.#backlogBytesMax = options.backlogBytesMax ?? limits.linkBacklogBytes;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // What is wrong with a local socket is of no interest: `close` follows.
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#end ??= 'closed';
      options.onClose(this.#end);
    });
  }

  /** Bytes that wait in this process because the other side does not read. */
  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  /** `performance.now()` when reading the message began that is being taken. */
  get readAtMs(): number {
    return this.#readAtMs;
  }

  get isOpen(): boolean {
    return this.#end === null && !this.#socket.destroyed;
  }

  /** Sends a message; false when the link is over, becomes so by a full backlog, or cannot carry it. */
  send(message: Out): boolean {
    if (!this.isOpen) return false;
    const { counters } = this.#options;
    const frame = encodeFrame(message);
    if (frame === null) {
      counters.oversized += 1;
      return false;
    }
    if (this.#socket.writableLength + frame.length > this.#backlogBytesMax) {
      counters.overflows += 1;
      this.#destroy('overflow');
      return false;
    }
    counters.messagesOut += 1;
    counters.bytesOut += frame.length;
    this.#socket.write(frame);
    if (!this.#isGathering) {
      // One write per message is a third of what a cache miss costs; the first one never waits.
      this.#isGathering = true;
      this.#socket.cork();
      setImmediate(this.#flush);
    }
    return true;
  }

  /** Ends the link; with `last`, after that message if the other side reads it within `graceMs`. */
  end(last: Out | null = null, graceMs = 100): void {
    if (!this.isOpen) return;
    if (last === null || !this.send(last)) {
      this.#socket.uncork();
      this.#destroy('ended');
      return;
    }
    this.#end = 'ended';
    this.#socket.end(() => this.#socket.destroy());
    setTimeout(() => this.#socket.destroy(), graceMs).unref();
  }

  #read(chunk: Buffer): void {
    if (this.#end !== null) return;
    this.#options.counters.bytesIn += chunk.length;
    this.#readAtMs = performance.now();
    const fault = this.#decoder.push(chunk, (value) => this.#take(value));
    if (fault !== null) this.#refuse();
  }

  /** Returns whether the link goes on. */
  #take(value: unknown): boolean {
    const message = this.#options.parse(value);
    if (message === null) {
      this.#refuse();
      return false;
    }
    this.#options.counters.messagesIn += 1;
    this.#options.onMessage(message);
    this.#readAtMs = performance.now();
    return this.isOpen;
  }

  #refuse(): void {
    if (this.#end !== null) return;
    this.#options.counters.malformed += 1;
    this.#destroy('malformed');
  }

  #destroy(end: LinkEnd): void {
    this.#end ??= end;
    this.#socket.destroy();
  }
}
