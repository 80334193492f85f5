// A body that goes through a codec piece by piece. The codec works on threads of its own; pressure goes
// through it both ways: a full client stops the codec, a full codec stops the source.
//
//   source ──write──► codec ──data──► next        source ◄─resume── drain ── codec ◄─pause── next

import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { MIB } from '../../core/limits.ts';
import { changedBodyTrailers } from '../../core/response-body.ts';
import type { Sink, Source } from '../../core/sink.ts';
import type { Codec } from '../../std/encode.ts';

/** A source that says nothing for so long pauses: the client gets what there is. */
export const FLUSH_IDLE_MS = 5;

/** What may come out of a codec at most. */
export interface RecodingBounds {
  readonly bytesMax: number;
  /** Bytes out for each byte in, counted from the first mebibyte on. */
  readonly ratioMax: number;
}

/** Sees what goes into a codec. */
export interface Witness {
  readonly isComplete: boolean;
  /** Returns how many of the bytes, one at least, the codec can take in one go. */
  see(chunk: Uint8Array): number;
}

/** How a stream recodes, and who is told how it went. */
export interface Recoding {
  readonly codec: Codec;
  /** How the codec gives out what it holds when the source pauses; null: it holds nothing back. */
  readonly flushKind: number | null;
  /** Goes out before anything else. */
  readonly prefix: Uint8Array | null;
  /** What may come out of it; null for no bound. */
  readonly bounds: RecodingBounds | null;
  /** Knows whether the bytes were all, where the codec itself does not. */
  readonly witness: Witness | null;
  /** The failure when the codec fails: the bytes that it got are wrong. */
  readonly blame: 'internal_error' | 'undecodable';
  /** Called once, whatever the end. */
  readonly onOver: (end: RecodingEnd, bytesIn: number, bytesOut: number) => void;
}

/** All of it went through, or an end of the exchange cut it, or the codec refused it. */
export type RecodingEnd = 'done' | 'cut' | 'refused';

export class RecodedStream implements Sink, Source {
  readonly #exchange: Exchange;
  readonly #next: Sink;
  readonly #recoding: Recoding;
  #source: Source | null = null;
  #idle: NodeJS.Timeout | null = null;
  /** Something came after the last flush. */
  #isDirty = false;
  #isOver = false;
  #bytesIn = 0;
  #bytesOut = 0;

  constructor(exchange: Exchange, next: Sink, recoding: Recoding) {
    this.#exchange = exchange;
    this.#next = next;
    this.#recoding = recoding;
    const { codec } = recoding;
    codec.on('data', (chunk: Uint8Array) => this.#give(chunk));
    codec.on('drain', () => this.#source?.resume());
    codec.on('end', () => this.#finish());
    codec.on('error', (error) => this.#break(new ProxyError(recoding.blame, error.message)));
  }

  start(source: Source): void {
    this.take(source);
    this.#exchange.running = this;
    this.#next.start(this);
  }

  /** As `start`, where `next` has another source already that hands on what it says. */
  take(source: Source): void {
    this.#source = source;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver || chunk.byteLength === 0) return true;
    this.#bytesIn += chunk.byteLength;
    if (this.#recoding.flushKind !== null) this.#awaitPause();
    const { codec, witness } = this.#recoding;
    let rest = Buffer.from(chunk);
    if (witness !== null) {
      for (let most = witness.see(rest); most < rest.byteLength; most = witness.see(rest)) {
        codec.write(rest.subarray(0, most));
        rest = rest.subarray(most);
      }
    }
    return codec.write(rest);
  }

  end(): void {
    if (this.#isOver) return;
    this.#stopWaiting();
    this.#source = null;
    const exchange = this.#exchange;
    exchange.responseTrailers = changedBodyTrailers(exchange.responseTrailers);
    // Peers name the coding of what turns out to be empty: nothing, decoded, is nothing.
    if (this.#bytesIn === 0 && this.#recoding.blame === 'undecodable') this.#pass();
    else this.#recoding.codec.end();
  }

  fail(error: ProxyError): void {
    if (this.#isOver) return;
    this.#close('cut');
    this.#next.fail(error);
  }

  /** Gives the client all that came so far, unless it reads nothing at the moment. */
  flush(): void {
    const { codec, flushKind } = this.#recoding;
    if (this.#isOver || !this.#isDirty || flushKind === null || codec.isPaused()) return;
    this.#isDirty = false;
    codec.flush(flushKind);
  }

  pause(): void {
    if (!this.#isOver) this.#recoding.codec.pause();
  }

  resume(): void {
    if (this.#isOver) return;
    this.#recoding.codec.resume();
    // Nothing was flushed while the client read nothing, and the source may have said its last for now.
    if (this.#isDirty) this.#awaitPause();
  }

  cancel(error: ProxyError): void {
    if (this.#isOver) return;
    const source = this.#source;
    this.#close('cut');
    source?.cancel(error);
  }

  #awaitPause(): void {
    this.#isDirty = true;
    if (this.#idle === null) this.#idle = setTimeout(() => this.flush(), FLUSH_IDLE_MS);
    else this.#idle.refresh();
  }

  #stopWaiting(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#isDirty = false;
  }

  #give(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#givePrefix();
    this.#bytesOut += chunk.byteLength;
    if (this.#isTooMuch()) {
      const detail = `decoded to more than ${this.#bytesOut - chunk.byteLength} bytes`;
      this.#break(new ProxyError('undecodable', detail));
    } else if (!this.#next.write(chunk) && !this.#isOver) {
      this.#recoding.codec.pause();
    }
  }

  #givePrefix(): void {
    const { prefix } = this.#recoding;
    if (prefix === null || this.#bytesOut > 0) return;
    this.#bytesOut = prefix.byteLength;
    this.#next.write(prefix);
  }

  #isTooMuch(): boolean {
    const { bounds } = this.#recoding;
    if (bounds === null || this.#bytesOut <= MIB) return false;
    const { bytesMax, ratioMax } = bounds;
    return this.#bytesOut > bytesMax || this.#bytesOut > this.#bytesIn * ratioMax;
  }

  #finish(): void {
    if (this.#isOver) return;
    const { codec, witness, blame } = this.#recoding;
    // Codecs end where their stream does, and let go what follows: that must not go on unheard.
    if (codec.bytesWritten < this.#bytesIn) {
      this.#break(new ProxyError(blame, 'goes on behind its end'));
    } else if (witness?.isComplete === false) {
      this.#break(new ProxyError(blame, 'ends too early'));
    } else {
      this.#pass();
    }
  }

  #pass(): void {
    this.#givePrefix();
    this.#close('done');
    this.#next.end();
  }

  /** The codec can't go on. */
  #break(error: ProxyError): void {
    if (this.#isOver) return;
    const source = this.#source;
    this.#close('refused');
    source?.cancel(error);
    this.#exchange.failure ??= error;
    this.#next.fail(error);
  }

  #close(end: RecodingEnd): void {
    this.#isOver = true;
    this.#source = null;
    this.#stopWaiting();
    if (this.#exchange.running === this) this.#exchange.running = null;
    this.#recoding.codec.destroy();
    this.#recoding.onOver(end, this.#bytesIn, this.#bytesOut);
  }
}
