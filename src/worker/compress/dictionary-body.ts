// A body in `dcb`: brotli with a dictionary that the client has (RFC 9842 section 4). Its encoder takes a
// body as a whole, so it is gathered, and a thread does the rest: one of its own, as it takes long, and none
// waits for it. What comes slowly, and what there is no memory or thread for, goes the usual way.
//
//   gathering ──ends──► encoding ──► giving ──► over
//      │                   └──no thread, or it failed─┐
//      └──no memory, the source pauses────────────────┴─► the usual way

import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { KIB } from '../../core/limits.ts';
import type { Sink, Source } from '../../core/sink.ts';
import { announceWhole } from './compressed-stream.ts';
import type { Compression } from './compression.ts';
import { type Dictionary, prefixOf } from './dictionaries.ts';
import { noteDictionary } from './dictionary-stream.ts';
import { GatheredBody } from './gathered-body.ts';
import { Pieces } from './pieces.ts';
import { FLUSH_IDLE_MS } from './recoded-stream.ts';

/**
 * Longer bodies go the usual way: where they have little in common with the dictionary the encoder takes
 * 1.2 s for 1 MiB of program text at level 5, and 2.2 s at level 9 (node:zlib at level 4: 25 ms).
 */
export const DCB_BYTES_MAX = 256 * KIB;

export interface DictionaryBodyOptions {
  readonly dictionary: Dictionary;
  readonly level: number;
  readonly compression: Compression;
  /** Makes the sink of the usual way. */
  readonly otherwise: () => Sink;
}

export class DictionaryBody implements Sink, Source {
  readonly #exchange: Exchange;
  readonly #next: Sink;
  readonly #options: DictionaryBodyOptions;
  #mode: 'gathering' | 'encoding' | 'other' | 'over' = 'gathering';
  #source: Source | null = null;
  readonly #held: GatheredBody;
  #idle: NodeJS.Timeout | null = null;
  #pieces: Pieces | null = null;
  /** The usual way, once it goes that way. */
  #other: Sink | null = null;

  /** For a body of known length, at most DCB_BYTES_MAX. */
  constructor(exchange: Exchange, next: Sink, options: DictionaryBodyOptions) {
    this.#exchange = exchange;
    this.#next = next;
    this.#options = options;
    this.#held = new GatheredBody(options.compression);
  }

  start(source: Source): void {
    this.#source = source;
    this.#exchange.running = this;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#mode === 'other') return this.#other!.write(chunk);
    if (this.#mode !== 'gathering' || chunk.byteLength === 0) return true;
    // More than was declared, or without memory for it, it goes the usual way.
    if (this.#held.append(chunk, this.#exchange.responseByteLength)) {
      this.#awaitPause();
      return true;
    }
    this.#goOtherwise();
    return this.write(chunk);
  }

  end(): void {
    if (this.#mode === 'over') return;
    this.#source = null;
    if (this.#mode === 'gathering') this.#encode();
    else this.#endOther();
  }

  fail(error: ProxyError): void {
    if (this.#mode === 'over') return;
    if (this.#other === null && !this.#startNow(this.#next)) return;
    this.#close();
    (this.#other ?? this.#next).fail(error);
  }

  pause(): void {
    (this.#pieces ?? this.#source)?.pause();
  }

  resume(): void {
    (this.#pieces ?? this.#source)?.resume();
  }

  cancel(error: ProxyError): void {
    const source = this.#source;
    this.#pieces?.cancel();
    this.#close();
    source?.cancel(error);
  }

  /** Who reads along wants what there is. */
  #awaitPause(): void {
    if (this.#idle !== null) this.#idle.refresh();
    else this.#idle = setTimeout(() => this.#goOtherwise(), FLUSH_IDLE_MS);
  }

  /** All that comes has come. */
  #encode(): void {
    const { compression, dictionary, level } = this.#options;
    this.#stopWaiting();
    this.#mode = 'encoding';
    const body = this.#held.bytes;
    const isWhole = body.byteLength === this.#exchange.responseByteLength;
    const work = { body, dictionary: dictionary.content, level };
    const encoding = isWhole ? compression.alone.run('encode-dcb', work) : null;
    if (encoding === null) this.#endOther();
    else {
      encoding.then(
        (result) => this.#encoded(result as Uint8Array),
        () => this.#endOther(),
      );
    }
  }

  #encoded(result: Uint8Array): void {
    const { compression, dictionary } = this.#options;
    const prefix = prefixOf(dictionary, 'dcb');
    const bytesIn = this.#held.length;
    const bytesOut = prefix.byteLength + result.byteLength;
    if (this.#mode !== 'encoding' || bytesOut >= bytesIn) {
      this.#endOther();
      return;
    }
    announceWhole(this.#exchange, 'dcb', bytesIn, bytesOut);
    noteDictionary(this.#exchange);
    compression.count('dcb', bytesIn, bytesOut);
    if (!this.#startNow(this.#next)) return;
    const body = Buffer.concat([prefix, result]);
    this.#pieces = new Pieces(this.#next, body, () => this.#close());
    this.#pieces.resume();
  }

  /** Goes the usual way from here, which gets what is held and all that will come. */
  #goOtherwise(): void {
    this.#stopWaiting();
    const held = this.#held.bytes;
    this.#held.release();
    const other = this.#options.otherwise();
    this.#other = other;
    this.#mode = 'other';
    if (!this.#startNow(other) || held.byteLength === 0) return;
    if (!other.write(held)) this.#source?.pause();
  }

  #endOther(): void {
    if (this.#mode !== 'over' && this.#other === null) this.#goOtherwise();
    if (this.#mode === 'over') return;
    this.#close();
    this.#other!.end();
  }

  /** False when nobody wants what follows. */
  #startNow(sink: Sink): boolean {
    sink.start(this);
    return this.#mode !== 'over';
  }

  #stopWaiting(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
  }

  #close(): void {
    this.#mode = 'over';
    this.#source = null;
    this.#stopWaiting();
    this.#held.release();
    if (this.#exchange.running === this) this.#exchange.running = null;
  }
}
