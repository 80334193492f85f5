// A body in `dcb`: brotli with a dictionary that the client has (RFC 9842 section 4). Its encoder takes a
// body as a whole, so it is gathered, and a thread does the rest. What comes slowly, and what there is no
// memory or thread for, goes the usual way.
//
//   gathering ──ends──► encoding ──► giving ──► over
//      │                   └──no thread, or it failed─┐
//      └──no memory, the source pauses────────────────┴─► the usual way

import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { changedBodyTrailers } from '../../core/response-body.ts';
import type { Sink, Source } from '../../core/sink.ts';
import type { Compression } from './compression.ts';
import { type Dictionary, prefixOf } from './dictionaries.ts';
import { announceDictionary } from './dictionary-stream.ts';
import { Pieces } from './pieces.ts';
import { FLUSH_IDLE_MS } from './recoded-stream.ts';

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
  #held: Uint8Array | null = null;
  #heldLength = 0;
  #idle: NodeJS.Timeout | null = null;
  #pieces: Pieces | null = null;
  /** The usual way, once it goes that way. */
  #other: Sink | null = null;

  /** For a body of known length, at most WHOLE_BYTES_MAX. */
  constructor(exchange: Exchange, next: Sink, options: DictionaryBodyOptions) {
    this.#exchange = exchange;
    this.#next = next;
    this.#options = options;
  }

  start(source: Source): void {
    this.#source = source;
    this.#exchange.running = this;
  }

  write(chunk: Uint8Array): boolean {
    if (this.#other !== null) return this.#other.write(chunk);
    if (this.#mode !== 'gathering' || chunk.byteLength === 0) return true;
    if (this.#keep(chunk)) {
      this.#awaitPause();
      return true;
    }
    return this.#goOtherwise().write(chunk);
  }

  end(): void {
    if (this.#mode === 'over') return;
    this.#source = null;
    if (this.#mode === 'gathering') this.#encode();
    else this.#endOther();
  }

  fail(error: ProxyError): void {
    if (this.#mode === 'over') return;
    const other = this.#other;
    this.#close();
    if (other === null) this.#next.start(this);
    (other ?? this.#next).fail(error);
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

  /** Copies a chunk; false: it is more than was declared, or there is no memory for it. */
  #keep(chunk: Uint8Array): boolean {
    const total = this.#exchange.responseByteLength;
    if (this.#heldLength + chunk.byteLength > total) return false;
    if (this.#held === null) {
      if (!this.#options.compression.hold(total)) return false;
      this.#held = Buffer.allocUnsafeSlow(total);
    }
    this.#held.set(chunk, this.#heldLength);
    this.#heldLength += chunk.byteLength;
    return true;
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
    const body = this.#held;
    const isWhole = body !== null && body.byteLength === this.#heldLength;
    const work = { body, dictionary: dictionary.content, level };
    const encoding = isWhole ? compression.offload.run('encode-dcb', work) : null;
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
    const bytesIn = this.#heldLength;
    const bytesOut = prefix.byteLength + result.byteLength;
    if (this.#mode !== 'encoding' || bytesOut >= bytesIn) {
      this.#endOther();
      return;
    }
    const exchange = this.#exchange;
    exchange.responseTrailers = changedBodyTrailers(exchange.responseTrailers);
    announceDictionary(exchange, 'dcb', bytesOut);
    exchange.plainBytes = bytesIn;
    compression.count('dcb', bytesIn, bytesOut);
    this.#next.start(this);
    const body = Buffer.concat([prefix, result]);
    this.#pieces = new Pieces(this.#next, body, () => this.#close());
    this.#pieces.resume();
  }

  /** Goes the usual way from here, which gets what is held and all that will come. */
  #goOtherwise(): Sink {
    this.#stopWaiting();
    const held = this.#held?.subarray(0, this.#heldLength) ?? null;
    this.#letGo();
    const other = this.#options.otherwise();
    this.#other = other;
    this.#mode = 'other';
    other.start(this);
    if (held !== null && !other.write(held)) this.#source?.pause();
    return other;
  }

  #endOther(): void {
    if (this.#mode === 'over') return;
    const other = this.#other ?? this.#goOtherwise();
    this.#close();
    other.end();
  }

  #stopWaiting(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
  }

  #letGo(): void {
    if (this.#held !== null) this.#options.compression.letGo(this.#held.byteLength);
    this.#held = null;
  }

  #close(): void {
    this.#mode = 'over';
    this.#source = null;
    this.#stopWaiting();
    this.#letGo();
    if (this.#exchange.running === this) this.#exchange.running = null;
  }
}
