// Follows the frames of a zstd stream (RFC 8878 section 3) without decoding them, to tell where each ends,
// and whether the stream did where it should: node:zlib takes a stream that breaks off for one that is
// complete, and drops what follows a frame in the same piece.

const MAGIC = 0xfd2fb528;
/** The last four bits are free. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;
const CONTENT_SIZE_BYTES = [0, 2, 4, 8] as const;
const RLE_BLOCK = 1;

type Part = 'magic' | 'skippable-size' | 'descriptor' | 'header-rest' | 'block-header' | 'data';

export class ZstdFrames {
  #part: Part = 'magic';
  /** Bytes still to come of the part; those of all but `data` and `header-rest` are read. */
  #left = 4;
  #value = 0;
  #shift = 0;
  #hasChecksum = false;
  /** What follows the data that is passed over. */
  #after: Part = 'magic';
  #frames = 0;
  #isBroken = false;

  /** All that came is whole frames, one at least. */
  get isComplete(): boolean {
    return this.#frames > 0 && this.#part === 'magic' && this.#left === 4 && !this.#isBroken;
  }

  /**
   * Takes the next bytes of the stream, in order, as far as the end of a frame; returns how many. Of what is
   * no such stream it takes all.
   */
  see(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.byteLength && !this.#isBroken) {
      if (this.#part === 'data' || this.#part === 'header-rest') {
        const step = Math.min(this.#left, chunk.byteLength - at);
        this.#left -= step;
        at += step;
      } else {
        // Little-endian; no value here has more than 32 bits.
        this.#value += chunk[at]! * 2 ** this.#shift;
        this.#shift += 8;
        this.#left -= 1;
        at += 1;
      }
      while (this.#left === 0 && !this.#isBroken) this.#finishPart();
      if (this.#part === 'magic' && this.#left === 4) return at;
    }
    return chunk.byteLength;
  }

  #finishPart(): void {
    const value = this.#value;
    switch (this.#part) {
      case 'magic':
        if (value === MAGIC) this.#expect('descriptor', 1);
        else if (value >= SKIPPABLE_MAGIC && value <= SKIPPABLE_MAGIC + 15) {
          this.#expect('skippable-size', 4);
        } else this.#isBroken = true;
        break;
      case 'skippable-size':
        this.#passOver(value, 'magic');
        break;
      case 'descriptor':
        this.#hasChecksum = (value & 4) !== 0;
        this.#expect('header-rest', headerRest(value));
        break;
      case 'header-rest':
        this.#expect('block-header', 3);
        break;
      case 'block-header':
        this.#startBlock(value);
        break;
      case 'data':
        if (this.#after === 'magic') this.#frames += 1;
        this.#expect(this.#after, this.#after === 'magic' ? 4 : 3);
        break;
    }
  }

  #startBlock(header: number): void {
    const isLast = (header & 1) === 1;
    const bytes = ((header >>> 1) & 3) === RLE_BLOCK ? 1 : header >>> 3;
    if (isLast) this.#passOver(bytes + (this.#hasChecksum ? 4 : 0), 'magic');
    else this.#passOver(bytes, 'block-header');
  }

  #passOver(bytes: number, after: Part): void {
    this.#after = after;
    this.#expect('data', bytes);
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part;
    this.#left = bytes;
    this.#value = 0;
    this.#shift = 0;
  }
}

/** Length of a frame header behind its descriptor (section 3.1.1.1). */
function headerRest(descriptor: number): number {
  const isSingleSegment = (descriptor & 32) !== 0;
  const sizeFlag = descriptor >>> 6;
  const contentSize = sizeFlag === 0 && isSingleSegment ? 1 : CONTENT_SIZE_BYTES[sizeFlag]!;
  return (isSingleSegment ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3]! + contentSize;
}
