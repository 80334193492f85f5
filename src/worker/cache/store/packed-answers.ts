// Answers that were stored and not asked for since, as bytes: most are never asked for again, and as objects
// (some forty each) they cost more than all the rest of a miss (docs/caching-storage.md). What is asked for
// is unpacked, once, and is not here any more; so nobody ever holds a view of these bytes.

import type { StoredResponse } from '../../../core/cache.ts';
import { RecordFifo, type Segment } from '../../../std/record-fifo.ts';
import type { Newcomers } from '../../../std/s3-fifo.ts';
import { bytesOf, DOUBLES, lengthsAt, MODEL, readerAt, textsOf, WRITTEN } from './packed-record.ts';
import { Models, SINGLE_TEXTS, TEXTS_MOST, TextWriter } from './packed-texts.ts';

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

/** Below this budget buffers would be too large a part of it. */
const BUDGET_LEAST = 2 ** 20;
/** Above this one the buffers would have more lines than numbers (RecordFifo). */
const BUDGET_MOST = 2 ** 36;
const SEGMENT_BYTES_MOST = 2 ** 20;
/** Copying longer ones costs more than their objects. */
const RECORD_BYTES_MOST = 32 * 1024;
/** Of the budget. */
const SEGMENT_SHARE = 1 / 64;
const BYTES_PER_CHAIN = 1024;
/** Enough for 16 GiB. */
const CHAINS_MOST = 2 ** 24;
const NAMES_KNOWN_MOST = 1000;

/** The texts of a model, by the `order` of its buffer and its place in there. */
interface ModelTexts {
  readonly order: number;
  readonly at: number;
  readonly texts: readonly string[];
}

/** For the answer that is being packed. */
const writer = new TextWriter();

export class PackedAnswers implements Newcomers {
  readonly #records: RecordFifo;
  readonly #models = new Models();
  /** The model that was read last: what is unpacked has its texts as the same strings. */
  #lastModel: ModelTexts = { order: -1, at: 0, texts: [] };
  readonly #recordBytesMax: number;
  readonly #options: PackedOptions;
  /** One string for each name of a field: equal strings that are the same compare faster. */
  readonly #names = new Map<string, string>();

  /** Null for budgets that are too small for it, or too large. */
  static open(bytesMax: number, options: PackedOptions): PackedAnswers | null {
    if (bytesMax < BUDGET_LEAST || bytesMax > BUDGET_MOST) return null;
    return new PackedAnswers(bytesMax, options);
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
    return this.#records.overheadBytes + Models.bytesMax(this.#recordBytesMax);
  }

  get oldestOrder(): number {
    return this.#records.oldestOrder;
  }

  /** Puts in a copy; false when it is too large, or has too many fields. `hash` is that of its key. */
  put(response: StoredResponse, body: Uint8Array, hash: number): boolean {
    const { vary, tags, headers } = response;
    const count = SINGLE_TEXTS + vary.length + tags.length + headers.length;
    if (count > TEXTS_MOST) return false;
    const records = this.#records;
    const model = this.#models.for(response);
    let refers = model.isFor(response, records.newestOrder);
    writer.take(response, refers ? model : null);
    if (refers && !records.hasRoom(bytesOf(writer, body))) {
      refers = false;
      writer.take(response, null);
    }
    const bytes = bytesOf(writer, body);
    if (bytes > this.#recordBytesMax) return false;
    records.add(hash, bytes, this.#options.nextOrder());
    this.#write(response, body, refers ? model.at + 1 : 0);
    if (refers) model.used(writer.sharedChars);
    else model.offer(response, writer.text.length, { order: records.newestOrder, at: records.at });
    return true;
  }

  has(key: string, hash: number): boolean {
    return this.#find(key, hash);
  }

  /** The keys of answers that have that hash; the same more than once when there are several answers. */
  keysOf(hash: number): string[] {
    const records = this.#records;
    const keys: string[] = [];
    for (let isThere = records.find(hash); isThere; isThere = records.findNext(hash)) {
      keys.push(this.#keyHere());
    }
    return keys;
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
      if (this.#keyHere() === key) return true;
    }
    return false;
  }

  /** The key of the record that was found. */
  #keyHere(): string {
    const { segment, at } = this.#records;
    const { bytes, words } = segment;
    const word = (at >> 2) + DOUBLES * 2;
    const lengths = lengthsAt(words, word);
    const from = (lengths + words[word + WRITTEN]!) * 4;
    return bytes.toString('latin1', from, from + words[lengths]!);
  }

  /** Into the record that was added. */
  #write(response: StoredResponse, body: Uint8Array, model: number): void {
    const { segment, at } = this.#records;
    const { bytes, words, doubles } = segment;
    const { text, written, lengths, masks, maskCount } = writer;
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
    words[word++] = written;
    words[word++] = model;
    for (let one = 0; one < maskCount; one++) words[word++] = masks[one]!;
    for (let one = 0; one < written; one++) words[word++] = lengths[one]!;
    bytes.write(text, word * 4, text.length, 'latin1');
    bytes.set(body, word * 4 + text.length);
  }

  /** From the record that was found. */
  #read(key: string): Unpacked {
    const { segment, at } = this.#records;
    const { bytes, words, doubles } = segment;
    const double = at >> 3;
    const word = double * 2 + DOUBLES * 2;
    const model = words[word + MODEL]!;
    const reader = readerAt(segment, word, model === 0 ? null : this.#textsAt(segment, model - 1));
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
    const from = (lengthsAt(words, word) + words[word + WRITTEN]!) * 4 + words[word + 3]!;
    const body = Buffer.allocUnsafeSlow(words[word + 2]!);
    body.set(bytes.subarray(from, from + body.byteLength));
    return { response, body };
  }

  /** All texts of the model that is there. */
  #textsAt(segment: Segment, at: number): readonly string[] {
    const { order } = segment;
    if (this.#lastModel.order !== order || this.#lastModel.at !== at) {
      const word = (at >> 2) + DOUBLES * 2;
      const texts: string[] = [];
      readerAt(segment, word, null).fill(texts, textsOf(segment.words, word));
      this.#lastModel = { order, at, texts };
    }
    return this.#lastModel.texts;
  }

  #nameOf(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    if (this.#names.size < NAMES_KNOWN_MOST) this.#names.set(name, name);
    return name;
  }
}

function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(value));
}
