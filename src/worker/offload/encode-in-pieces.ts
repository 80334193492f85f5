// Compresses a whole body in pieces of half a millisecond or so, with something to do in between. One call of
// node:zlib takes 2–7 ms for 1 MiB, in which a thread can neither rest nor be ended.
//
// node:zlib has no function for that: this drives the handle of a codec as its own gzipSync does. Where the
// handle is not what is known here the body is compressed in one piece.

import { constants } from 'node:zlib';
import { KIB } from '../../core/limits.ts';
import {
  type Codec,
  createWholeEncoder,
  type EncoderName,
  encodeWhole,
  FLUSH_KIND,
} from '../../std/encode.ts';

/**
 * What goes in at a time. The codec decides when it works: brotli at each 64 KiB, zstd at each 128 KiB.
 * At the usual levels a piece of program text takes 0.3 ms (gzip), 0.6 ms (br), 0.5 ms (zstd).
 */
export const PIECE_BYTES: Readonly<Record<EncoderName, number>> = {
  gzip: 32 * KIB,
  br: 64 * KIB,
  zstd: 128 * KIB,
};

/**
 * Brotli from level 4 on writes nothing before the end, where that takes up to 6 ms for 1 MiB. Told to write
 * now and then it needs up to 0.2 % more bytes; each 128 KiB it would be twice that, for no shorter waits.
 */
const BROTLI_WRITE_BYTES = 256 * KIB;

const OUTPUT_BYTES = 64 * KIB;

/** From here on it is density that counts, and each piece takes far longer anyway. */
const BROTLI_DENSE_LEVEL = 10;

const GO_ON: Readonly<Record<EncoderName, number>> = {
  gzip: constants.Z_NO_FLUSH,
  br: constants.BROTLI_OPERATION_PROCESS,
  zstd: constants.ZSTD_e_continue,
};

const FINISH: Readonly<Record<EncoderName, number>> = {
  gzip: constants.Z_FINISH,
  br: constants.BROTLI_OPERATION_FINISH,
  zstd: constants.ZSTD_e_end,
};

/** What node:zlib keeps to itself, as Node 22 has it: the tests tell when another has not. */
interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
}

interface Internals {
  readonly _handle?: Handle | null;
  /** Room left in the output and bytes left of the input, after each call. */
  readonly _writeState?: Uint32Array;
}

/** What to compress, and how. */
export interface WholeBody {
  readonly body: Uint8Array;
  readonly coding: EncoderName;
  readonly level: number;
}

/** Returns the compressed body; `between` is called between any two pieces, and ends it all by throwing. */
export function encodeInPieces(
  { body, coding, level }: WholeBody,
  between: () => void,
): Uint8Array {
  if (body.byteLength <= PIECE_BYTES[coding]) return encodeWhole(body, coding, level);
  const codec = createWholeEncoder(coding, level, body.byteLength);
  // It is looked at after each piece; unheard, the event would end the thread.
  codec.on('error', () => {});
  try {
    const writer = openWriter(codec);
    if (writer === null) return encodeWhole(body, coding, level);
    const writesAt = coding === 'br' && level < BROTLI_DENSE_LEVEL ? BROTLI_WRITE_BYTES : Infinity;
    let start = 0;
    for (; body.byteLength - start > PIECE_BYTES[coding]; start += PIECE_BYTES[coding]) {
      const end = start + PIECE_BYTES[coding];
      const flush = end % writesAt === 0 ? FLUSH_KIND[coding] : GO_ON[coding];
      writer.write(body.subarray(start, end), flush);
      between();
    }
    writer.write(body.subarray(start), FINISH[coding]);
    return writer.take();
  } finally {
    codec.close();
  }
}

interface Writer {
  /** Throws what the codec fails with. */
  write(piece: Uint8Array, flush: number): void;
  /** All that came out. */
  take(): Uint8Array;
}

function openWriter(codec: Codec): Writer | null {
  const { _handle: handle, _writeState: left } = codec as Internals;
  if (typeof handle?.writeSync !== 'function' || !(left instanceof Uint32Array)) return null;
  const full: Uint8Array[] = [];
  let output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
  let used = 0;
  return {
    write: (piece, flush) => {
      let inputLeft = piece.byteLength;
      do {
        if (used === output.byteLength) {
          full.push(output);
          output = Buffer.allocUnsafeSlow(OUTPUT_BYTES);
          used = 0;
        }
        const at = piece.byteLength - inputLeft;
        handle.writeSync(flush, piece, at, inputLeft, output, used, output.byteLength - used);
        if (codec.errored !== null) throw codec.errored;
        used = output.byteLength - left[0]!;
        inputLeft = left[1]!;
        // Whatever filled the output may have more to say.
      } while (used === output.byteLength);
    },
    take: () => Buffer.concat([...full, output.subarray(0, used)]),
  };
}
