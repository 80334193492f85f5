// Decodes bodies that a peer encoded: for clients that can't read them, and for stages that change their
// text. What comes behind sees plain bytes.

import type { Exchange } from '../../core/exchange.ts';
import { hasWholeBody } from '../../core/response-body.ts';
import type { Sink } from '../../core/sink.ts';
import { createDecoder, type DecoderName } from '../../std/encode.ts';
import { ZstdFrames } from '../../std/zstd-frames.ts';
import { RecodedStream, type RecodingBounds, type RecodingEnd } from './recoded-stream.ts';
import { readBodyFacts, recodedFields } from './response-fields.ts';

const DECODABLE: ReadonlySet<string> = new Set(['zstd', 'br', 'gzip', 'deflate']);

/** Tells whether bodies in `coding` can be decoded. */
export function isDecodable(coding: string): coding is DecoderName {
  return DECODABLE.has(coding);
}

/** Settles fields and length of a response whose body will be decoded. */
export function announcePlain(exchange: Exchange): void {
  exchange.responseHeaders = recodedFields(exchange.responseHeaders, null);
  exchange.responseByteLength = -1;
}

/** What is decoded, and who is told how it went. */
export interface Decoding {
  readonly coding: DecoderName;
  readonly bounds: RecodingBounds;
  readonly onOver: (end: RecodingEnd) => void;
}

/** Returns a sink that gives `next` the decoded body. */
export function decodingStream(exchange: Exchange, next: Sink, decoding: Decoding): Sink {
  const { coding, bounds, onOver } = decoding;
  return new RecodedStream(exchange, next, {
    codec: createDecoder(coding),
    flushKind: null,
    prefix: null,
    bounds,
    witness: coding === 'zstd' ? new ZstdFrames() : null,
    blame: 'undecodable',
    onOver,
  });
}

/**
 * Returns a sink that gives `next` the decoded body, and settles fields and length; null when there is no
 * whole body, or the coding is none that can be decoded. `onOver` is told how it went.
 */
export function decodeBody(
  exchange: Exchange,
  next: Sink,
  bounds: RecodingBounds,
  onOver: Decoding['onOver'] = () => {},
): Sink | null {
  const { coding } = readBodyFacts(exchange.responseHeaders);
  if (!hasWholeBody(exchange) || !isDecodable(coding)) return null;
  announcePlain(exchange);
  if (exchange.method === 'HEAD') return next;
  return decodingStream(exchange, next, { coding, bounds, onOver });
}
