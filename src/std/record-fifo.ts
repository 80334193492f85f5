// Records of bytes by hash, first in, first out, in a few large buffers: whoever has very many of them that
// are seldom looked at again spares the garbage collector their objects. The oldest are dropped by the
// buffer, which makes room for the newest; a record that is taken out leaves a hole until then.
//
//   buffers    [ oldest … ][ … ][ … newest │ free ]        chains of equal hashes go from new to old and end
//   record     next in its chain, hash, length, is it in    at the first place whose buffer is gone

/** Next place (8 bytes), hash, length with padding, 1 while it is in; then what the record holds. */
const HEAD_BYTES = 24;
const HASH_WORD = 2;
const LENGTH_WORD = 3;
const IN_WORD = 4;
/** Places are counted through all buffers there ever were: bytes, up to 2⁵³. */
const NOWHERE = -1;
/** Records that are looked at for one hash: chains are three long on average, at most. */
const STEPS_MOST = 64;

/** One of the large buffers, as bytes, 32-bit words and doubles. */
export class Segment {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  used = 0;
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
  readonly #segmentBytes: number;
  readonly #heads: Float64Array;
  readonly #mask: number;
  #segments: Segment[] = [];
  /** Buffers that were dropped since the beginning: those in `#segments` count on from it. */
  #dropped = 0;
  #spare: Segment | null = null;

  constructor({ segmentBytes, chains }: RecordFifoOptions) {
    this.#segmentBytes = segmentBytes;
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
    const length = (HEAD_BYTES + byteLength + 7) & ~7;
    let segment = this.#segments.at(-1);
    if (segment === undefined || segment.used + length > this.#segmentBytes) {
      segment = this.#open(order);
    }
    const at = segment.used;
    const chain = hash & this.#mask;
    segment.doubles[at >> 3] = this.#heads[chain]!;
    const word = at >> 2;
    segment.words[word + HASH_WORD] = hash;
    segment.words[word + LENGTH_WORD] = length;
    segment.words[word + IN_WORD] = 1;
    this.#heads[chain] = (this.#dropped + this.#segments.length - 1) * this.#segmentBytes + at;
    segment.used = at + length;
    segment.length += 1;
    this.length += 1;
    this.segment = segment;
    this.at = at + HEAD_BYTES;
  }

  /** Goes to the newest record of a hash; false when there is none. */
  find(hash: number): boolean {
    return this.#follow(this.#heads[hash & this.#mask]!, hash);
  }

  /** From a record that was found to the next older one of the same hash. */
  findNext(hash: number): boolean {
    return this.#follow(this.segment.doubles[(this.at - HEAD_BYTES) >> 3]!, hash);
  }

  /** Takes out the record that was added or found last. */
  remove(): void {
    this.segment.words[((this.at - HEAD_BYTES) >> 2) + IN_WORD] = 0;
    this.segment.length -= 1;
    this.length -= 1;
  }

  /** Drops the oldest buffer; tells the hashes of the records that were in. */
  drop(onDrop: (hash: number) => void): void {
    const segment = this.#segments.shift();
    if (segment === undefined) return;
    this.#dropped += 1;
    this.length -= segment.length;
    for (let at = 0; at < segment.used; ) {
      const word = at >> 2;
      if (segment.words[word + IN_WORD] === 1) onDrop(segment.words[word + HASH_WORD]!);
      at += segment.words[word + LENGTH_WORD]!;
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
    segment.length = 0;
    segment.order = order;
    this.#segments.push(segment);
    return segment;
  }

  #follow(from: number, hash: number): boolean {
    const first = this.#dropped * this.#segmentBytes;
    // Whoever finds keys with one hash gets no more than misses for it.
    for (let place = from, step = 0; place >= first && step < STEPS_MOST; step++) {
      // Exact, because buffers are powers of two long; a remainder of doubles would be a call.
      const number = Math.floor(place / this.#segmentBytes);
      const segment = this.#segments[number - this.#dropped]!;
      const at = place - number * this.#segmentBytes;
      const word = at >> 2;
      if (segment.words[word + HASH_WORD] === hash && segment.words[word + IN_WORD] === 1) {
        this.segment = segment;
        this.at = at + HEAD_BYTES;
        return true;
      }
      place = segment.doubles[at >> 3]!;
    }
    return false;
  }
}
