// Compresses and decompresses whole byte strings and streams in the codings of node:zlib, by name.

import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createBrotliDecompress,
  createGunzip,
  createGzip,
  createInflate,
  createZstdCompress,
  createZstdDecompress,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';

export type EncoderName = 'zstd' | 'br' | 'gzip';
export type DecoderName = EncoderName | 'deflate';
export type Codec = ReturnType<typeof createGzip> | ReturnType<typeof createBrotliCompress>;

/** How a codec is told to give out what it holds. */
export const FLUSH_KIND: Readonly<Record<EncoderName, number>> = {
  zstd: constants.ZSTD_e_flush,
  br: constants.BROTLI_OPERATION_FLUSH,
  gzip: constants.Z_SYNC_FLUSH,
};

/** For a body that is here as a whole; each coding reads its own part of it. */
interface WholeOptions {
  readonly level?: number;
  readonly params?: Record<number, number>;
  readonly chunkSize: number;
}

/** Windows of streams: an eighth of the usual memory (zstd 640 KiB a stream) for 2 % more bytes. */
const STREAM_WINDOW_BITS = 17;
const ZSTD_TABLE_BITS = 15;

/** Web clients and servers agree on windows of at most 8 MiB (RFC 9659). */
const WEB_WINDOW_BITS = 23;

const LARGE_BYTES = 64 * 1024;
const OUTPUT_BYTES = 16 * 1024;

/** Compresses the whole of `body`, at once. */
export function encodeWhole(body: Uint8Array, coding: EncoderName, level: number): Uint8Array {
  const options = wholeOptions(coding, level, body.byteLength);
  if (coding === 'gzip') return gzipSync(body, options);
  if (coding === 'br') return brotliCompressSync(body, options);
  return zstdCompressSync(body, options);
}

/** Creates what `encodeWhole` uses for a body of `byteLength` bytes. */
export function createWholeEncoder(coding: EncoderName, level: number, byteLength: number): Codec {
  const options = wholeOptions(coding, level, byteLength);
  if (coding === 'gzip') return createGzip(options);
  if (coding === 'br') return createBrotliCompress(options);
  return createZstdCompress({ ...options, pledgedSrcSize: byteLength });
}

function wholeOptions(coding: EncoderName, level: number, byteLength: number): WholeOptions {
  // Fewer pieces to put together at the end.
  const chunkSize = byteLength > LARGE_BYTES ? LARGE_BYTES : OUTPUT_BYTES;
  if (coding === 'gzip') return { level, chunkSize };
  if (coding === 'zstd')
    return { params: { [constants.ZSTD_c_compressionLevel]: level }, chunkSize };
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: level,
    [constants.BROTLI_PARAM_SIZE_HINT]: byteLength,
  };
  return { params, chunkSize };
}

/** Creates a stream that compresses. */
export function createEncoder(coding: EncoderName, level: number): Codec {
  if (coding === 'gzip') return createGzip({ level });
  if (coding === 'br') {
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: level,
      [constants.BROTLI_PARAM_LGWIN]: STREAM_WINDOW_BITS,
    };
    return createBrotliCompress({ params });
  }
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: STREAM_WINDOW_BITS,
    [constants.ZSTD_c_hashLog]: ZSTD_TABLE_BITS,
    [constants.ZSTD_c_chainLog]: ZSTD_TABLE_BITS,
  };
  return createZstdCompress({ params });
}

/** Creates a zstd stream whose bytes only those can read who have `dictionary`. */
export function createDictionaryEncoder(level: number, dictionary: Uint8Array): Codec {
  // The dictionary can be referred to as long as it and what follows lie in one window.
  const bits = Math.ceil(Math.log2(dictionary.byteLength)) + 1;
  const params = {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_windowLog]: Math.max(STREAM_WINDOW_BITS, Math.min(WEB_WINDOW_BITS, bits)),
  };
  return createZstdCompress({ params, dictionary });
}

/** Creates a stream that decompresses; it fails on what is not well-formed, or ends too early. */
export function createDecoder(coding: DecoderName): Codec {
  if (coding === 'gzip') return createGunzip();
  if (coding === 'deflate') return createInflate();
  if (coding === 'br') return createBrotliDecompress();
  return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: WEB_WINDOW_BITS } });
}
