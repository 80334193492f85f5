// The texts of a packed answer in a row: key, URL, route, vary key, validators, then its lists. Answers of
// one origin say mostly the same: each is compared with an earlier one of its buffer, its model, and only
// what differs is written. A quarter more answers of 1 KiB with seven fields fit into the same memory, and
// to compare is as fast as it was to join all, or faster where both have the same strings.

import type { StoredResponse } from '../../../core/cache.ts';

/** Key, URL, route, vary key, validators. */
export const SINGLE_TEXTS = 6;
/** More texts than that are an answer for nobody's speed. */
export const TEXTS_MOST = 512;
/** An answer that has fewer in common with its model makes one wonder. */
const SHARED_CHARS_LEAST = 32;
/** After so many answers without much use of a model another one takes its place. */
const USELESS_MOST = 16;
/** Texts of longer heads are not kept as strings besides. */
const MODEL_CHARS_MOST = 8192;
const MODELS = 8;
/** So often a text may differ from that of its model, and in half of the answers, until it is left alone. */
const DIFFERENCES_FREE = 8;

/** An answer that was written whole. */
export class Model {
  /** Its place in its buffer. */
  at = 0;
  /** Of that buffer (`Segment.order`): only there it can be referred to. */
  #order = -1;
  /** Null for what is not compared. */
  #texts: (string | null)[] = [];
  readonly #differences = new Uint32Array(TEXTS_MOST);
  #varyLength = 0;
  #tagsLength = 0;
  #uses = 0;
  #useless = 0;

  /** How many texts it has. */
  get length(): number {
    return this.#texts.length;
  }

  /** Whether an answer in that buffer can refer to it. */
  isFor({ vary, tags, headers }: StoredResponse, order: number): boolean {
    if (this.#order !== order || this.#useless >= USELESS_MOST) return false;
    if (this.#varyLength !== vary.length || this.#tagsLength !== tags.length) return false;
    return this.#texts.length === SINGLE_TEXTS + vary.length + tags.length + headers.length;
  }

  /** Whether the text at that place is `text`. */
  has(text: string, at: number): boolean {
    const own = this.#texts[at]!;
    if (own === null) return false;
    if (own === text) return true;
    // A number of a request, say, is another one each time, and to find that out a call into the engine.
    this.#differences[at]! += 1;
    if (this.#differences[at]! > DIFFERENCES_FREE + (this.#uses >> 1)) this.#texts[at] = null;
    return false;
  }

  /** An answer referred to it, with so many characters in common. */
  used(sharedChars: number): void {
    this.#uses += 1;
    this.#useless = sharedChars < SHARED_CHARS_LEAST ? this.#useless + 1 : 0;
  }

  /** An answer was written whole; it takes the place of a model that is gone, or was of no use for long. */
  offer(
    response: StoredResponse,
    chars: number,
    { order, at }: { order: number; at: number },
  ): void {
    if (chars > MODEL_CHARS_MOST) return;
    if (this.#order === order) {
      this.#useless += 1;
      if (this.#useless < USELESS_MOST) return;
    }
    const { route, varyKey, etag, lastModified, vary, tags, headers } = response;
    this.#texts = [null, null, route, varyKey, etag, lastModified, ...vary, ...tags, ...headers];
    this.#order = order;
    this.at = at;
    this.#varyLength = vary.length;
    this.#tagsLength = tags.length;
    this.#differences.fill(0, 0, this.#texts.length);
    this.#uses = 0;
    this.#useless = 0;
  }
}

/** Models for answers of different kinds. */
export class Models {
  readonly #models = Array.from({ length: MODELS }, () => new Model());

  /** What they may take, of answers of at most so many bytes. */
  static bytesMax(recordBytesMax: number): number {
    return MODELS * Math.min(MODEL_CHARS_MOST, recordBytesMax);
  }

  /** The one for answers like this. */
  for({ status, headers }: StoredResponse): Model {
    const first = headers.length > 1 ? headers[1]!.length : 0;
    return this.#models[(status + headers.length + first) & (MODELS - 1)]!;
  }
}

/** Which texts of one answer are written, and their lengths. */
export class TextWriter {
  /** All that are written, one behind the other. */
  text = '';
  /** Texts that are the same in the model, and their characters. */
  sharedChars = 0;
  /** How many are written. */
  written = 0;
  readonly lengths = new Uint32Array(TEXTS_MOST);
  /** A bit for each text: it is written. */
  readonly masks = new Uint32Array(TEXTS_MOST / 32);
  /** Words of them; 0 when all are written. */
  maskCount = 0;
  #model: Model | null = null;
  #at = 0;

  /** Goes through the texts of `response`, comparing them with those of a model. */
  take(response: StoredResponse, model: Model | null): void {
    const { key, url, route, varyKey, etag, lastModified, vary, tags, headers } = response;
    this.#model = model;
    this.#at = 2;
    this.maskCount = model === null ? 0 : maskWords(model.length);
    for (let word = 0; word < this.maskCount; word++) this.masks[word] = 0;
    this.masks[0] = 3;
    this.lengths[0] = key.length;
    this.lengths[1] = url.length;
    this.written = 2;
    this.sharedChars = 0;
    this.text = key + url;
    this.#add(route);
    this.#add(varyKey);
    this.#add(etag);
    this.#add(lastModified);
    for (let item = 0; item < vary.length; item++) this.#add(vary[item]!);
    for (let item = 0; item < tags.length; item++) this.#add(tags[item]!);
    for (let item = 0; item < headers.length; item++) this.#add(headers[item]!);
  }

  #add(text: string): void {
    const at = this.#at;
    this.#at = at + 1;
    if (this.#model !== null) {
      if (this.#model.has(text, at)) {
        this.sharedChars += text.length;
        return;
      }
      this.masks[at >> 5]! |= 1 << (at & 31);
    }
    this.lengths[this.written] = text.length;
    this.written += 1;
    this.text += text;
  }
}

/** Gives the texts of an answer one after the other. */
export class TextReader {
  /** Those that were written, and their lengths. */
  readonly #text: string;
  readonly #words: Uint32Array;
  #lengths: number;
  #from = 0;
  /** Those of the model; null when it has none. */
  readonly #model: readonly string[] | null;
  readonly #masks: number;
  #at = 0;

  /** `lengths` and `masks`: the words where these begin. */
  constructor(
    text: string,
    model: readonly string[] | null,
    numbers: { words: Uint32Array; lengths: number; masks: number },
  ) {
    this.#text = text;
    this.#model = model;
    this.#words = numbers.words;
    this.#lengths = numbers.lengths;
    this.#masks = numbers.masks;
  }

  next(): string {
    const at = this.#at;
    this.#at = at + 1;
    if (this.#model !== null) {
      const isWritten = (this.#words[this.#masks + (at >> 5)]! & (1 << (at & 31))) !== 0;
      if (!isWritten) return this.#model[at]!;
    }
    const from = this.#from;
    this.#from += this.#words[this.#lengths]!;
    this.#lengths += 1;
    return this.#text.slice(from, this.#from);
  }

  fill(list: string[], count: number): void {
    for (let item = 0; item < count; item++) list.push(this.next());
  }
}

/** Words that hold a bit for each of so many texts. */
export function maskWords(texts: number): number {
  return (texts + 31) >> 5;
}
