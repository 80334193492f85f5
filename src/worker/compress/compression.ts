// What all routes of one worker share when they compress: the threads, the counts, and the bounds of what
// is held in memory at a time.

import type {
  CodingCounters,
  CompressionCounters,
  ContentCoding,
  DictionaryCoding,
} from '../../core/compression.ts';
import { limits } from '../../core/limits.ts';
import type { Offload } from '../../core/offload.ts';
import { BackgroundEncoder } from './background-encoder.ts';
import { Dictionaries } from './dictionaries.ts';
import type { RecodingEnd } from './recoded-stream.ts';

/** Threads for bodies of different kinds. */
export interface CompressionThreads {
  readonly offload: Offload;
  /** Nobody waits for these. */
  readonly spare: Offload;
  /** One without a queue, for what takes long and can't rest: nobody waits behind it. */
  readonly alone: Offload;
}

export class Compression {
  readonly offload: Offload;
  readonly alone: Offload;
  readonly background: BackgroundEncoder;
  readonly dictionaries = new Dictionaries();
  readonly counters: CompressionCounters = {
    codings: { zstd: nothing(), br: nothing(), gzip: nothing(), dcz: nothing(), dcb: nothing() },
    skipped: 0,
    decoded: 0,
    undecodable: 0,
  };
  #heldBytes = 0;
  #streams = 0;

  constructor({ offload, spare, alone }: CompressionThreads) {
    this.offload = offload;
    this.alone = alone;
    this.background = new BackgroundEncoder(spare);
  }

  /** Bytes of bodies that wait to be whole, and streams that run. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get streams(): number {
    return this.#streams;
  }

  /** Asks for memory to hold a body; true: `letGo` must follow. */
  hold(bytes: number): boolean {
    if (this.#heldBytes + bytes > limits.compressionHeldBytes) return false;
    this.#heldBytes += bytes;
    return true;
  }

  letGo(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  /** Asks for a stream; true: `closeStream` must follow. */
  openStream(): boolean {
    if (this.#streams >= limits.compressionStreamsMax) return false;
    this.#streams += 1;
    return true;
  }

  closeStream(): void {
    this.#streams -= 1;
  }

  /** One response is through. */
  count(coding: ContentCoding | DictionaryCoding, bytesIn: number, bytesOut: number): void {
    const counters = this.counters.codings[coding];
    counters.responses += 1;
    counters.bytesIn += bytesIn;
    counters.bytesOut += bytesOut;
  }
}

/** Returns who counts how bodies were decoded. */
export function countDecoded({ counters }: Compression): (end: RecodingEnd) => void {
  return (end) => {
    if (end === 'done') counters.decoded += 1;
    if (end === 'refused') counters.undecodable += 1;
  };
}

function nothing(): CodingCounters {
  return { responses: 0, bytesIn: 0, bytesOut: 0 };
}
