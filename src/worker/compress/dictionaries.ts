// Dictionaries for compression (RFC 9842): answers that a peer offers as such, kept in this worker, and
// found again by the hash that a client sends.

import { createHash } from 'node:crypto';
import type { DictionaryCoding } from '../../core/compression.ts';
import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { headerValue } from '../../core/headers.ts';
import { limits } from '../../core/limits.ts';
import type { Sink, Source } from '../../core/sink.ts';
import { bestOffer, parseAcceptEncoding, wishOf } from './accept-encoding.ts';

export interface Dictionary {
  readonly content: Uint8Array;
  /** SHA-256. */
  readonly digest: Uint8Array;
}

/** A dictionary that a client has, and the coding that it likes best of those that are offered. */
export interface DictionaryUse {
  readonly dictionary: Dictionary;
  readonly coding: DictionaryCoding;
}

/** What a stream begins with, before the hash: sections 4 and 5, there a skippable frame of zstd. */
const MAGIC: Readonly<Record<DictionaryCoding, Uint8Array>> = {
  dcb: Uint8Array.of(0xff, 0x44, 0x43, 0x42),
  dcz: Uint8Array.of(0x5e, 0x2a, 0x4d, 0x18, 0x20, 0, 0, 0),
};

/** Content that zstd would take for a dictionary of its own format (RFC 8878 section 5). */
const FORMATTED = Uint8Array.of(0x37, 0xa4, 0x30, 0xec);

const HEARD_MAX = 256;

/** A structured field: the SHA-256 as a byte sequence. */
const AVAILABLE = /^:([A-Za-z0-9+/]{43}=):$/;

export class Dictionaries {
  /** By origin and hash, the least recently used first. */
  readonly #byName = new Map<string, Dictionary>();
  #bytes = 0;
  /** Copies of answers that are still on their way. */
  #copiedBytes = 0;
  /** Answers that were heard to the end: another of the same tag is not hashed again. */
  readonly #heard = new Set<string>();

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes of answers that are copied now. */
  get copiedBytes(): number {
    return this.#copiedBytes;
  }

  /** Takes so much of what may be copied at the same time; false when that is not there. */
  take(bytes: number): boolean {
    if (this.#copiedBytes + bytes > limits.dictionariesBytes) return false;
    this.#copiedBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#copiedBytes -= bytes;
  }

  /** Returns the dictionary that the client has and we know, when it reads one of `offers` (best first). */
  find(exchange: Exchange, offers: readonly DictionaryCoding[]): DictionaryUse | null {
    const field = headerValue(exchange.requestHeaders, 'available-dictionary');
    if (field === undefined || this.#byName.size === 0) return null;
    const hash = AVAILABLE.exec(field.trim())?.[1];
    const wish = wishOf(exchange);
    if (hash === undefined || wish === null) return null;
    // An asterisk does not mean codings that need a dictionary.
    const { coding } = bestOffer(parseAcceptEncoding(wish), offers, 0);
    if (coding === null || !isReadable(exchange)) return null;
    const name = nameOf(exchange, hash);
    const found = this.#byName.get(name);
    if (found === undefined) return null;
    this.#byName.delete(name);
    this.#byName.set(name, found);
    return { dictionary: found, coding };
  }

  /** Keeps the plain body of an answer; those used longest ago make room. */
  keep(exchange: Exchange, content: Uint8Array): void {
    const tag = tagOf(exchange);
    if (tag !== null) {
      if (this.#heard.size >= HEARD_MAX) this.#heard.clear();
      this.#heard.add(tag);
    }
    if (FORMATTED.every((byte, at) => content[at] === byte)) return;
    const digest = createHash('sha256').update(content).digest();
    const name = nameOf(exchange, digest.toString('base64'));
    if (this.#byName.has(name)) return;
    this.#byName.set(name, { content, digest });
    this.#bytes += content.byteLength;
    for (const [oldest, { content: old }] of this.#byName) {
      if (this.#bytes <= limits.dictionariesBytes) break;
      this.#heard.clear();
      this.#byName.delete(oldest);
      this.#bytes -= old.byteLength;
    }
  }

  /** Returns a sink that keeps what passes when the answer is offered as a dictionary, else `next`. */
  listen(exchange: Exchange, next: Sink): Sink {
    if (exchange.method !== 'GET' || exchange.status !== 200) return next;
    const offer = headerValue(exchange.responseHeaders, 'use-as-dictionary');
    if (offer === undefined || !/\bmatch="/.test(offer)) return next;
    const type = /\btype=([\w-]+)/.exec(offer)?.[1] ?? 'raw';
    const tooLong = exchange.responseByteLength > limits.dictionaryBytes;
    if (type !== 'raw' || tooLong) return next;
    const tag = tagOf(exchange);
    if (tag !== null && this.#heard.has(tag)) return next;
    return new Listening(exchange, next, this);
  }
}

/** Returns what stands in front of a body that was made with a dictionary. */
export function prefixOf({ digest }: Dictionary, coding: DictionaryCoding): Uint8Array {
  return Buffer.concat([MAGIC[coding], digest]);
}

/** Other origins may not use it: who can guess a hash would learn what is in it (section 9). */
function nameOf({ scheme, host }: Exchange, hash: string): string {
  return `${scheme}://${host.toLowerCase()} ${hash}`;
}

/**
 * Whether a page that asks from another origin may read the answer, as far as its browser tells: else the
 * length would tell it how much answer and dictionary have in common (section 9.3).
 */
function isReadable({ requestHeaders, responseHeaders }: Exchange): boolean {
  const site = headerValue(requestHeaders, 'sec-fetch-site') ?? 'same-origin';
  const mode = headerValue(requestHeaders, 'sec-fetch-mode') ?? 'same-origin';
  if (site === 'same-origin' || mode === 'same-origin' || mode === 'navigate') return true;
  const origin = headerValue(requestHeaders, 'origin');
  if (mode !== 'cors' || origin === undefined) return false;
  const allowed = headerValue(responseHeaders, 'access-control-allow-origin');
  return allowed === '*' || allowed === origin;
}

/** Names the bytes of an answer; null when it has no tag. */
function tagOf(exchange: Exchange): string | null {
  const etag = headerValue(exchange.responseHeaders, 'etag');
  if (etag === undefined) return null;
  return nameOf(exchange, `${exchange.receivedTarget} ${etag.replace(/^W\//, '')}`);
}

/** Copies a body that passes; gives the copy up when it is too long, or too much is copied at the time. */
class Listening implements Sink, Source {
  readonly #exchange: Exchange;
  readonly #next: Sink;
  readonly #dictionaries: Dictionaries;
  #source: Source | null = null;
  /** Null when nobody listens any more. */
  #chunks: Uint8Array[] | null = [];
  #bytes = 0;

  constructor(exchange: Exchange, next: Sink, dictionaries: Dictionaries) {
    this.#exchange = exchange;
    this.#next = next;
    this.#dictionaries = dictionaries;
  }

  start(source: Source): void {
    this.#source = source;
    // A client that leaves is told to whoever runs: this one has something to give back.
    this.#exchange.running = this;
    this.#next.start(this);
  }

  write(chunk: Uint8Array): boolean {
    this.#copy(chunk);
    return this.#next.write(chunk);
  }

  end(): void {
    const chunks = this.#stop();
    if (chunks !== null && chunks.length > 0) {
      this.#dictionaries.keep(this.#exchange, Buffer.concat(chunks));
    }
    this.#next.end();
  }

  fail(error: ProxyError): void {
    this.#stop();
    this.#next.fail(error);
  }

  pause(): void {
    this.#source?.pause();
  }

  resume(): void {
    this.#source?.resume();
  }

  cancel(error: ProxyError): void {
    const source = this.#source;
    this.#stop();
    source?.cancel(error);
  }

  #copy(chunk: Uint8Array): void {
    if (this.#chunks === null) return;
    const isTooLong = this.#bytes + chunk.byteLength > limits.dictionaryBytes;
    if (isTooLong || !this.#dictionaries.take(chunk.byteLength)) {
      this.#giveBack();
      return;
    }
    this.#bytes += chunk.byteLength;
    this.#chunks.push(new Uint8Array(chunk));
  }

  #stop(): readonly Uint8Array[] | null {
    if (this.#exchange.running === this) this.#exchange.running = null;
    this.#source = null;
    const chunks = this.#chunks;
    this.#giveBack();
    return chunks;
  }

  #giveBack(): void {
    this.#dictionaries.giveBack(this.#bytes);
    this.#bytes = 0;
    this.#chunks = null;
  }
}
