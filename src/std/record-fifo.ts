// Records of bytes by hash, first in, first out, in a few large buffers: whoever has very many of them that
// are seldom looked at again spares the garbage collector their objects. The oldest are dropped by the
// buffer, which makes room for the newest; a record that is taken out leaves a hole until then.
//
//   buffers    [ oldest … ][ … ][ records → … free … ← lines ]
//   line       next in its chain, hash, where its record is and whether it is in
//   chains     of equal hashes go from new to old and end at the first line whose buffer is gone
//
// The lines of a buffer stand together: who looks for what is not there, and who drops a buffer, touches
// nothing but them, and none of the records, which no cache of the processor holds any more (a stored miss
// of 1 KiB: 0.8 µs of CPU).

/** Next line (8 bytes), hash, offset of the record. */
const LINE_BYTES = 16;
const LINE_DOUBLES = LINE_BYTES / 8;
const LINE_WORDS = LINE_BYTES / 4;
const HASH_WORD = 2;
const PLACE_WORD = 3;
/** In place of the offset: the record was taken out. */
const OUT = 0xffffffff;
/** Lines are counted through all buffers there ever were: up to 2⁵³. */
const NOWHERE = -1;
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
  /** The line of that record in its buffer. */
  #line = 0;
  readonly #segmentBytes: number;
  /** Most lines of one buffer, and so the distance of two buffers in numbers of lines: a power of two. */
  readonly #linesMax: number;
  readonly #heads: Float64Array;
  readonly #mask: number;
  #segments: Segment[] = [];
  /** Buffers that were dropped since the beginning: those in `#segments` count on from it. */
  #dropped = 0;
  #spare: Segment | null = null;

  constructor({ segmentBytes, chains }: RecordFifoOptions) {
    this.#segmentBytes = segmentBytes;
    this.#linesMax = segmentBytes / LINE_BYTES;
    this.#heads = new Float64Array(chains).fill(NOWHERE);
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

  /**
   * Makes a record of `byteLength` bytes, at most `recordBytesMax`, for the caller to fill in at `segment`
   * and `at`. `order` is that of a new buffer, when it needs one.
   */
  add(hash: number, byteLength: number, order: number): void {
    const length = (byteLength + 7) & ~7;
    let segment = this.#segments.at(-1);
    if (
      segment === undefined ||
      segment.used + length + (segment.lines + 1) * LINE_BYTES > this.#segmentBytes
    ) {
      segment = this.#open(order);
    }
    const { lines, used } = segment;
    const chain = hash & this.#mask;
    segment.doubles[segment.doubles.length - (lines + 1) * LINE_DOUBLES] = this.#heads[chain]!;
    const word = segment.words.length - (lines + 1) * LINE_WORDS;
    segment.words[word + HASH_WORD] = hash;
    segment.words[word + PLACE_WORD] = used;
    this.#heads[chain] = (this.#dropped + this.#segments.length - 1) * this.#linesMax + lines;
    segment.used = used + length;
    segment.lines = lines + 1;
    segment.length += 1;
    this.length += 1;
    this.segment = segment;
    this.at = used;
    this.#line = lines;
  }

  /** Goes to the newest record of a hash; false when there is none. */
  find(hash: number): boolean {
    return this.#follow(this.#heads[hash & this.#mask]!, hash);
  }

  /** From a record that was found to the next older one of the same hash. */
  findNext(hash: number): boolean {
    const { doubles } = this.segment;
    return this.#follow(doubles[doubles.length - (this.#line + 1) * LINE_DOUBLES]!, hash);
  }

  /** Takes out the record that was added or found last. */
  remove(): void {
    const { segment } = this;
    segment.words[segment.words.length - (this.#line + 1) * LINE_WORDS + PLACE_WORD] = OUT;
    segment.length -= 1;
    this.length -= 1;
  }

  /** Drops the oldest buffer; tells the hashes of the records that were in. */
  drop(onDrop: (hash: number) => void): void {
    const segment = this.#segments.shift();
    if (segment === undefined) return;
    this.#dropped += 1;
    this.length -= segment.length;
    const { words } = segment;
    const last = words.length - segment.lines * LINE_WORDS;
    for (let word = words.length - LINE_WORDS; word >= last; word -= LINE_WORDS) {
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
    return segment;
  }

  #follow(from: number, hash: number): boolean {
    const linesMax = this.#linesMax;
    const first = this.#dropped * linesMax;
    // Whoever finds keys with one hash gets no more than misses for it.
    for (let place = from, step = 0; place >= first && step < STEPS_MOST; step++) {
      // Exact, because these are powers of two; a remainder of doubles would be a call.
      const number = Math.floor(place / linesMax);
      const segment = this.#segments[number - this.#dropped]!;
      const line = place - number * linesMax;
      const word = segment.words.length - (line + 1) * LINE_WORDS;
      const at = segment.words[word + PLACE_WORD]!;
      if (segment.words[word + HASH_WORD] === hash && at !== OUT) {
        this.segment = segment;
        this.at = at;
        this.#line = line;
        return true;
      }
      place = segment.doubles[segment.doubles.length - (line + 1) * LINE_DOUBLES]!;
    }
    return false;
  }
}
