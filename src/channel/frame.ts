// Frames: one msgpack value each, on a byte stream, with the length and the version in front. Decoding
// is incremental over any split of the stream; whatever the bytes are, the outcome is a value or a fault.
//
//   0        4         5                    5 + length
//   ├ length ┼ version ┼ msgpack ────────────┤     length: uint32 BE, 1…limits.frameBytes

import { Packr } from 'msgpackr';
import { limits } from '../core/limits.ts';

/** Bumped whenever a message changes its shape: both ends must come from the same release. */
export const protocolVersion = 5;

export const frameHeaderBytes = 5;

/** Why a stream cannot be read any further. */
export type FrameFault = 'bad_length' | 'bad_version' | 'bad_payload';

// No records: with them the meaning of a frame would depend on frames before it and on the process that
// wrote it. Binary fields are copied out, because the bytes behind a decoded frame are reused.
const codec = new Packr({ useRecords: false, copyBuffers: true, int64AsType: 'number' });

const firstBytes = 64 * 1024;

/** Returns the frame of a plain value, or null when it is longer than `limits.frameBytes`. */
export function encodeFrame(value: unknown): Buffer | null {
  // A view of the codec's shared arena: copied at once, never kept.
  const payload = codec.pack(value);
  if (payload.length > limits.frameBytes) return null;
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame[4] = protocolVersion;
  frame.set(payload, frameHeaderBytes);
  return frame;
}

/** Returns the value that `bytes` hold, or undefined when they are no value of msgpack. */
function decodeValue(bytes: Uint8Array): unknown {
  try {
    // Deep nesting ends in a RangeError, a false length in an Error: both are caught here.
    return codec.unpack(bytes) as unknown;
  } catch {
    return undefined;
  }
}

/** Cuts one byte stream into values. After a fault it is dead: the stream must be closed. */
export class FrameDecoder {
  readonly #header = Buffer.alloc(frameHeaderBytes);
  #headerBytes = 0;
  #payloadBytes = 0;
  #payload = Buffer.alloc(0);
  #held = 0;

  /** Bytes held for a frame that is not complete; at most twice what has arrived of it, or 64 KiB. */
  get heldBytes(): number {
    return this.#payload.length;
  }

  /**
   * Takes the next bytes and hands every complete value to `onValue`, which returns false to stop (the
   * rest of the chunk is dropped). Returns a fault, or null.
   */
  push(chunk: Uint8Array, onValue: (value: unknown) => boolean): FrameFault | null {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerBytes < frameHeaderBytes) {
        const taken = Math.min(frameHeaderBytes - this.#headerBytes, chunk.length - at);
        this.#header.set(chunk.subarray(at, at + taken), this.#headerBytes);
        this.#headerBytes += taken;
        at += taken;
        if (this.#headerBytes < frameHeaderBytes) return null;
        const fault = this.#readHeader();
        if (fault !== null) return fault;
        continue;
      }
      const missing = this.#payloadBytes - this.#held;
      const taken = Math.min(missing, chunk.length - at);
      const piece = chunk.subarray(at, at + taken);
      at += taken;
      if (taken < missing) {
        this.#hold(piece);
        return null;
      }
      const value = decodeValue(this.#complete(piece));
      if (value === undefined) return 'bad_payload';
      if (!onValue(value)) return null;
    }
    return null;
  }

  /** The length is judged before a byte is allocated for it. */
  #readHeader(): FrameFault | null {
    this.#payloadBytes = this.#header.readUInt32BE(0);
    if (this.#payloadBytes === 0 || this.#payloadBytes > limits.frameBytes) return 'bad_length';
    return this.#header[4] === protocolVersion ? null : 'bad_version';
  }

  /** Grows with what has really arrived, not with what was announced. */
  #hold(piece: Uint8Array): void {
    const needed = this.#held + piece.length;
    if (needed > this.#payload.length) {
      const size = Math.min(this.#payloadBytes, Math.max(needed * 2, firstBytes));
      const grown = Buffer.allocUnsafeSlow(size);
      grown.set(this.#payload.subarray(0, this.#held));
      this.#payload = grown;
    }
    this.#payload.set(piece, this.#held);
    this.#held = needed;
  }

  #complete(last: Uint8Array): Uint8Array {
    let payload = last;
    if (this.#held > 0) {
      this.#hold(last);
      payload = this.#payload.subarray(0, this.#held);
    }
    this.#headerBytes = 0;
    this.#held = 0;
    if (this.#payload.length > 0) this.#payload = Buffer.alloc(0);
    return payload;
  }
}
