// Answers that were stored and not asked for since, as bytes: most are never asked for again, and as objects
// (some forty each) they cost more than all the rest of a miss (docs/caching-storage.md). What is asked for
// is unpacked, once, and is not here any more; so nobody ever holds a view of these bytes.
//
// A record: nine doubles, seven counts, the lengths of all texts, the texts, the body.

import type { StoredResponse } from '../../../core/cache.ts';
import { RecordFifo } from '../../../std/record-fifo.ts';
import type { Newcomers } from '../../../std/s3-fifo.ts';

/** What comes out. */
export interface Unpacked {
  readonly response: StoredResponse;
  readonly body: Uint8Array;
}

export interface PackedOptions {
  /** Tells what came before what. */
  readonly nextOrder: () => number;
  /** So many had to go. */
  readonly onEvict: (count: number) => void;
}

const DOUBLES = 9;
const WORDS = 7;
/** Below this budget buffers would be too large a part of it. */
const BUDGET_LEAST = 2 ** 20;
const SEGMENT_BYTES_MOST = 2 ** 20;
/** Copying longer ones costs more than their objects. */
const RECORD_BYTES_MOST = 32 * 1024;
/** Of the budget. */
const SEGMENT_SHARE = 1 / 64;
const BYTES_PER_CHAIN = 1024;
/** Enough for 16 GiB. */
const CHAINS_MOST = 2 ** 24;
/** Key, URL, route, vary key, validators. */
const SINGLE_TEXTS = 6;
/** More texts than that are an answer for nobody's speed. */
const TEXTS_MOST = 512;
const NAMES_KNOWN_MOST = 1000;

/** Lengths of the texts of the answer that is being packed. */
const lengths = new Uint32Array(TEXTS_MOST);

export class PackedAnswers implements Newcomers {
  readonly #records: RecordFifo;
  readonly #recordBytesMax: number;
  readonly #options: PackedOptions;
  /** One string for each name of a field: equal strings that are the same compare faster. */
  readonly #names = new Map<string, string>();

  /** Null for budgets that are too small for it. */
  static open(bytesMax: number, options: PackedOptions): PackedAnswers | null {
    return bytesMax < BUDGET_LEAST ? null : new PackedAnswers(bytesMax, options);
  }

  private constructor(bytesMax: number, options: PackedOptions) {
    const segmentBytes = Math.min(SEGMENT_BYTES_MOST, powerOfTwo(bytesMax * SEGMENT_SHARE));
    this.#records = new RecordFifo({
      segmentBytes,
      chains: Math.min(CHAINS_MOST, powerOfTwo(bytesMax / BYTES_PER_CHAIN)),
    });
    this.#recordBytesMax = Math.min(RECORD_BYTES_MOST, this.#records.recordBytesMax);
    this.#options = options;
  }

  /** Answers that are in. */
  get length(): number {
    return this.#records.length;
  }

  get weight(): number {
    return this.#records.bytes;
  }

  get overheadBytes(): number {
    return this.#records.overheadBytes;
  }

  get oldestOrder(): number {
    return this.#records.oldestOrder;
  }

  /** Puts in a copy; false when it is too large, or has too many fields. `hash` is that of its key. */
  put(response: StoredResponse, body: Uint8Array, hash: number): boolean {
    const { key, url, route, varyKey, etag, lastModified, vary, tags, headers } = response;
    const count = SINGLE_TEXTS + vary.length + tags.length + headers.length;
    if (count > TEXTS_MOST) return false;
    lengths[0] = key.length;
    lengths[1] = url.length;
    lengths[2] = route.length;
    lengths[3] = varyKey.length;
    lengths[4] = etag.length;
    lengths[5] = lastModified.length;
    let text = key + url + route + varyKey + etag + lastModified;
    let at = SINGLE_TEXTS;
    for (const list of [vary, tags, headers]) {
      for (let item = 0; item < list.length; item++) {
        const one = list[item]!;
        lengths[at] = one.length;
        at += 1;
        text += one;
      }
    }
    const bytes = DOUBLES * 8 + (WORDS + count) * 4 + text.length + body.byteLength;
    if (bytes > this.#recordBytesMax) return false;
    this.#records.add(hash, bytes, this.#options.nextOrder());
    this.#write(response, text, body);
    return true;
  }

  has(key: string, hash: number): boolean {
    return this.#find(key, hash);
  }

  /** Takes out all answers to a key, newest first; null when there is none. */
  take(key: string, hash: number): Unpacked[] | null {
    let answers: Unpacked[] | null = null;
    while (this.#find(key, hash)) {
      const unpacked = this.#read(key);
      this.#records.remove();
      if (answers === null) answers = [unpacked];
      else answers.push(unpacked);
    }
    return answers;
  }

  remove(key: string, hash: number): void {
    while (this.#find(key, hash)) this.#records.remove();
  }

  /** Drops the oldest; tells their hashes. */
  drop(onDrop: (hash: number) => void): void {
    const before = this.#records.length;
    this.#records.drop(onDrop);
    this.#options.onEvict(before - this.#records.length);
  }

  clear(): void {
    this.#records.clear();
  }

  #find(key: string, hash: number): boolean {
    const records = this.#records;
    for (let isThere = records.find(hash); isThere; isThere = records.findNext(hash)) {
      const { segment, at } = records;
      const word = (at >> 2) + DOUBLES * 2;
      const texts = at + DOUBLES * 8 + (WORDS + countOf(segment.words, word)) * 4;
      const length = segment.words[word + WORDS]!;
      if (
        length === key.length &&
        segment.bytes.toString('latin1', texts, texts + length) === key
      ) {
        return true;
      }
    }
    return false;
  }

  /** Into the record that was added. */
  #write(response: StoredResponse, text: string, body: Uint8Array): void {
    const { segment, at } = this.#records;
    const { bytes, words, doubles } = segment;
    let double = at >> 3;
    doubles[double++] = response.generation;
    doubles[double++] = response.bornMs;
    doubles[double++] = response.storedAtMs;
    doubles[double++] = response.fetchMs;
    doubles[double++] = response.refreshFromMs;
    doubles[double++] = response.freshUntilMs;
    doubles[double++] = response.staleWhileRevalidateUntilMs;
    doubles[double++] = response.staleIfErrorUntilMs;
    doubles[double++] = response.keepUntilMs;
    let word = double * 2;
    words[word++] = response.status;
    words[word++] = response.bodyBytes;
    words[word++] = body.byteLength;
    words[word++] = text.length;
    words[word++] = response.vary.length;
    words[word++] = response.tags.length;
    words[word++] = response.headers.length;
    const count = countOf(words, word - WORDS);
    for (let one = 0; one < count; one++) words[word++] = lengths[one]!;
    bytes.write(text, word * 4, text.length, 'latin1');
    bytes.set(body, word * 4 + text.length);
  }

  /** From the record that was found. */
  #read(key: string): Unpacked {
    const { segment, at } = this.#records;
    const { bytes, words, doubles } = segment;
    const double = at >> 3;
    const word = (at >> 2) + DOUBLES * 2;
    const count = countOf(words, word);
    const texts = (word + WORDS + count) * 4;
    const end = texts + words[word + 3]!;
    const reader = new TextReader(bytes.toString('latin1', texts, end), words, word + WORDS);
    reader.next();
    const response: StoredResponse = {
      key,
      url: reader.next(),
      route: reader.next(),
      status: words[word]!,
      headers: [],
      bodyBytes: words[word + 1]!,
      vary: [],
      varyKey: reader.next(),
      tags: [],
      generation: doubles[double]!,
      bornMs: doubles[double + 1]!,
      storedAtMs: doubles[double + 2]!,
      fetchMs: doubles[double + 3]!,
      refreshFromMs: doubles[double + 4]!,
      freshUntilMs: doubles[double + 5]!,
      staleWhileRevalidateUntilMs: doubles[double + 6]!,
      staleIfErrorUntilMs: doubles[double + 7]!,
      keepUntilMs: doubles[double + 8]!,
      etag: reader.next(),
      lastModified: reader.next(),
    };
    reader.fill(response.vary as string[], words[word + 4]!);
    reader.fill(response.tags as string[], words[word + 5]!);
    reader.fill(response.headers, words[word + 6]!);
    for (let name = 0; name < response.headers.length; name += 2) {
      response.headers[name] = this.#nameOf(response.headers[name]!);
    }
    const body = Buffer.allocUnsafeSlow(words[word + 2]!);
    body.set(bytes.subarray(end, end + body.byteLength));
    return { response, body };
  }

  #nameOf(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (this.#names.size < NAMES_KNOWN_MOST) this.#names.set(name, name);
    return name;
  }
}

/** Cuts texts off one that holds them all, by their lengths. */
class TextReader {
  readonly #text: string;
  readonly #words: Uint32Array;
  #word: number;
  #at = 0;

  constructor(text: string, words: Uint32Array, word: number) {
    this.#text = text;
    this.#words = words;
    this.#word = word;
  }

  next(): string {
    const from = this.#at;
    this.#at += this.#words[this.#word]!;
    this.#word += 1;
    return this.#text.slice(from, this.#at);
  }

  fill(list: string[], count: number): void {
    for (let item = 0; item < count; item++) list.push(this.next());
  }
}

/** How many texts there are, by the counts that begin at `word`. */
function countOf(words: Uint32Array, word: number): number {
  return SINGLE_TEXTS + words[word + 4]! + words[word + 5]! + words[word + 6]!;
}

function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}
