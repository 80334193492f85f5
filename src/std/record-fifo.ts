// Records of bytes by hash, first in, first out, in a few large buffers: whoever has very many of them that
// are seldom looked at again spares the garbage collector their objects. The oldest are dropped by the
// buffer, which makes room for the newest; a record that is taken out leaves a hole until then.
//
//   buffers    [ oldest … ][ … ][ records → … free … ← lines ]
//   line       next in its chain, hash, where its record is and whether it is in
//   heads      first line of a chain, and which hashes may be in it
//   chains     go from new to old and end at the first line whose buffer is gone
//
// The records are in no cache of the processor any more: who looks for what is not there touches a head
// and hardly ever a line; who drops a buffer touches its lines (a stored miss of 1 KiB: 0.8 µs of CPU).
//
// Lines are numbered through all buffers there ever were, modulo 2³². A line points to one that was there
// when it came; so chains have no circles. A head to whose chain nothing came for 2³² lines may point into
// another chain, where nothing has its hash: that is as good as to the end of its own.

/** Next line, hash, offset of the record. */
const LINE_WORDS = 3;
const LINE_BYTES = LINE_WORDS * 4;
const HASH_WORD = 1;
const PLACE_WORD = 2;
/** In place of the offset: the record was taken out. */
const OUT = 0xffffffff;
/** Records take so many bytes at least, on average over a buffer: it has no more lines than that gives. */
const BYTES_PER_LINE = 64;
/** Lines that are looked at for one hash: chains are three long on average, at most. */
const STEPS_MOST = 64;

/** One of the large buffers, as bytes, 32-bit words and doubles. */
export class Segment {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  /** Bytes of records. */
  used = 0;
  /** Lines: records that came, in or out. */
  lines = 0;
  /** Records that are in. */
  length = 0;
  /** Tells when its first record came. */
  order = 0;

  constructor(byteLength: number) {
    this.bytes = Buffer.allocUnsafeSlow(byteLength);
    this.words = new Uint32Array(this.bytes.buffer);
    this.doubles = new Float64Array(this.bytes.buffer);
  }
}

export interface RecordFifoOptions {
  /** Of one buffer: a power of two. */
  readonly segmentBytes: number;
  /** Chains: a power of two. */
  readonly chains: number;
}

export class RecordFifo {
  /** Records that are in. */
  length = 0;
  /** Where the record is that was added or found last: buffer and byte offset, which 8 divides. */
  segment!: Segment;
  at = 0;
  /** The line of that record. */
  #line = 0;
  readonly #segmentBytes: number;
  /** Most lines of one buffer, and so the distance of two buffers in numbers of lines: a power of two. */
  readonly #linesMax: number;
  readonly #lineBits: number;
  /** Where the first line of a buffer is. */
  readonly #lastWord: number;
  /** Two words for each chain: the newest line, and a bit for each hash that may be in it. */
  readonly #heads: Uint32Array;
  readonly #mask: number;
  #segments: Segment[] = [];
  /** Number of the first line of the oldest buffer, modulo 2³², and how many there are from there on. */
  #firstLine = 0;
  #span = 0;
  #spare: Segment | null = null;

  constructor({ segmentBytes, chains }: RecordFifoOptions) {
    this.#segmentBytes = segmentBytes;
    this.#linesMax = segmentBytes / BYTES_PER_LINE;
    this.#lineBits = Math.log2(this.#linesMax);
    this.#lastWord = segmentBytes / 4 - LINE_WORDS;
    // The numbers begin anew soon, so that whoever runs this has seen that.
    this.#firstLine = (-8 * this.#linesMax) >>> 0;
    this.#heads = new Uint32Array(chains * 2).fill(this.#firstLine - 1);
    this.#mask = chains - 1;
  }

  /** Bytes of the buffers in use, with holes and what is free at the end. */
  get bytes(): number {
    return this.#segments.length * this.#segmentBytes;
  }

  /** Bytes that it takes besides: chains, and one buffer that was dropped and is used next. */
  get overheadBytes(): number {
    return this.#heads.byteLength + this.#segmentBytes;
  }

  /** Longest record that is worth a place. */
  get recordBytesMax(): number {
    return this.#segmentBytes / 4;
  }

  /** The `order` of the oldest buffer; Infinity when there is none. */
  get oldestOrder(): number {
    return this.#segments[0]?.order ?? Number.POSITIVE_INFINITY;
  }

  /** The `order` of the newest buffer; -1 when there is none. */
  get newestOrder(): number {
    return this.#segments.at(-1)?.order ?? -1;
  }

  /** Whether a record of that length would come into the newest buffer. */
  hasRoom(byteLength: number): boolean {
    const segment = this.#segments.at(-1);
    return segment !== undefined && this.#fits(segment, (byteLength + 7) & ~7);
  }

  /**
   * Makes a record of `byteLength` bytes, at most `recordBytesMax`, for the caller to fill in at `segment`
   * and `at`. `order` is that of a new buffer, when it needs one.
   */
  add(hash: number, byteLength: number, order: number): void {
    const length = (byteLength + 7) & ~7;
    let segment = this.#segments.at(-1);
    if (segment === undefined || !this.#fits(segment, length)) segment = this.#open(order);
    const { used, words } = segment;
    const heads = this.#heads;
    const head = (hash & this.#mask) * 2;
    const line = (this.#firstLine + this.#span - this.#linesMax + segment.lines) >>> 0;
    const isEmpty = !this.#isThere(heads[head]!);
    const word = this.#wordOf(line);
    words[word] = isEmpty ? line : heads[head]!;
    words[word + HASH_WORD] = hash;
    words[word + PLACE_WORD] = used;
    heads[head] = line;
    heads[head + 1] = isEmpty ? bitOf(hash) : heads[head + 1]! | bitOf(hash);
    segment.used = used + length;
    segment.lines += 1;
    segment.length += 1;
    this.length += 1;
    this.segment = segment;
    this.at = used;
    this.#line = line;
  }

  /** Goes to the newest record of a hash; false when there is none. */
  find(hash: number): boolean {
    const head = (hash & this.#mask) * 2;
    const line = this.#heads[head]!;
    if (!this.#isThere(line) || (this.#heads[head + 1]! & bitOf(hash)) === 0) return false;
    return this.#follow(line, hash);
  }

  /** From a record that was found to the next older one of the same hash. */
  findNext(hash: number): boolean {
    const next = this.segment.words[this.#wordOf(this.#line)]!;
    return next !== this.#line && this.#follow(next, hash);
  }

  /** Takes out the record that was added or found last. */
  remove(): void {
    const { segment } = this;
    segment.words[this.#wordOf(this.#line) + PLACE_WORD] = OUT;
    segment.length -= 1;
    this.length -= 1;
  }

  /** Drops the oldest buffer; tells the hashes of the records that were in. */
  drop(onDrop: (hash: number) => void): void {
    const segment = this.#segments.shift();
    if (segment === undefined) return;
    this.#firstLine = (this.#firstLine + this.#linesMax) >>> 0;
    this.#span -= this.#linesMax;
    this.length -= segment.length;
    const { words, lines } = segment;
    for (let line = 0; line < lines; line++) {
      const word = this.#wordOf(line);
      if (words[word + PLACE_WORD] !== OUT) onDrop(words[word + HASH_WORD]!);
    }
    this.#spare = segment;
  }

  clear(): void {
    while (this.#segments.length > 0) this.drop(() => {});
  }

  #open(order: number): Segment {
    const segment = this.#spare ?? new Segment(this.#segmentBytes);
    this.#spare = null;
    segment.used = 0;
    segment.lines = 0;
    segment.length = 0;
    segment.order = order;
    this.#segments.push(segment);
    this.#span += this.#linesMax;
    return segment;
  }

  #fits({ used, lines }: Segment, length: number): boolean {
    if (lines === this.#linesMax) return false;
    return used + length + (lines + 1) * LINE_BYTES <= this.#segmentBytes;
  }

  /** Whether the buffer of that line has not been dropped. */
  #isThere(line: number): boolean {
    return (line - this.#firstLine) >>> 0 < this.#span;
  }

  /** Where that line is in its buffer. */
  #wordOf(line: number): number {
    return this.#lastWord - (line & (this.#linesMax - 1)) * LINE_WORDS;
  }

  #follow(from: number, hash: number): boolean {
    let line = from;
    // Whoever finds keys with one hash gets no more than misses for it.
    for (let step = 0; this.#isThere(line) && step < STEPS_MOST; step++) {
      const segment = this.#segments[((line - this.#firstLine) >>> 0) >>> this.#lineBits]!;
      // Only what a head says that was right 2³² lines ago.
      if ((line & (this.#linesMax - 1)) >= segment.lines) return false;
      const { words } = segment;
      const word = this.#wordOf(line);
      if (words[word + HASH_WORD] === hash && words[word + PLACE_WORD] !== OUT) {
        this.segment = segment;
        this.at = words[word + PLACE_WORD]!;
        this.#line = line;
        return true;
      }
      const next = words[word]!;
      if (next === line) return false;
      line = next;
    }
    return false;
  }
}

/** One of 32, by the highest five of 31 bits: not by those that choose the chain. */
function bitOf(hash: number): number {
  return 1 << (hash >>> 26);
}
