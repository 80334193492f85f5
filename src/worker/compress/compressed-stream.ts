// A body that is compressed piece by piece, as long as there is room for one more stream.

import type { CompressionPolicy, ContentCoding } from '../../core/compression.ts';
import type { Exchange } from '../../core/exchange.ts';
import { changedBodyTrailers } from '../../core/response-body.ts';
import type { Sink } from '../../core/sink.ts';
import { createEncoder, FLUSH_KIND } from '../../std/encode.ts';
import type { Compression } from './compression.ts';
import { RecodedStream } from './recoded-stream.ts';
import { recodedFields } from './response-fields.ts';
import type { StoredEncodings } from './stored-encodings.ts';

/** What to do with a body. */
export interface BodyCompression {
  readonly compression: Compression;
  readonly coding: ContentCoding;
  readonly policy: CompressionPolicy;
  /** Shorter bodies go out as they are. */
  readonly minBytes: number;
  /** Of answers that are stored while they pass; null without a cache. */
  readonly stored: StoredEncodings | null;
}

/** Settles fields and length of a body that goes out compressed; -1 for a length that nobody knows. */
export function announceCoding(exchange: Exchange, coding: string, byteLength: number): void {
  exchange.responseHeaders = recodedFields(exchange.responseHeaders, coding);
  exchange.responseByteLength = byteLength;
  exchange.encoding = coding;
}

/** Settles all that changes with a body of `bytesIn` that goes out as a whole, of `bytesOut`, in that coding. */
export function announceWhole(
  exchange: Exchange,
  coding: string,
  bytesIn: number,
  bytesOut: number,
): void {
  exchange.responseTrailers = changedBodyTrailers(exchange.responseTrailers);
  announceCoding(exchange, coding, lengthToDeclare(exchange, bytesOut));
  exchange.plainBytes = bytesIn;
}

/** Behind a body whose length is declared HTTP/1.1 has no room for trailers. */
export function lengthToDeclare({ responseTrailers }: Exchange, bytes: number): number {
  return responseTrailers === null ? bytes : -1;
}

/** Returns a stream to `next`, or null when too many run: the body is to go out as it is. */
export function openCompressedStream(
  exchange: Exchange,
  next: Sink,
  { coding, policy, compression }: BodyCompression,
  onOver: () => void,
): RecodedStream | null {
  if (!compression.openStream()) {
    compression.counters.skipped += 1;
    return null;
  }
  announceCoding(exchange, coding, -1);
  return new RecodedStream(exchange, next, {
    codec: createEncoder(coding, policy.levels[coding]),
    flushKind: FLUSH_KIND[coding],
    prefix: null,
    bounds: null,
    witness: null,
    blame: 'internal_error',
    onOver: (end, bytesIn, bytesOut) => {
      compression.closeStream();
      exchange.plainBytes = bytesIn;
      if (end === 'done') compression.count(coding, bytesIn, bytesOut);
      onOver();
    },
  });
}
