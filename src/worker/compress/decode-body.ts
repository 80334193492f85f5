// Decodes bodies for stages that change their text: what comes behind sees plain bytes.

import type { Exchange } from '../../core/exchange.ts';
import type { Sink } from '../../core/sink.ts';
import { createDecoder, type DecoderName } from '../../std/encode.ts';
import { RecodedStream, type RecodingBounds } from './recoded-stream.ts';
import { readBodyFacts, recodedFields } from './response-fields.ts';

const DECODABLE: ReadonlySet<string> = new Set(['zstd', 'br', 'gzip', 'deflate']);

/**
 * Returns a sink that gives `next` the decoded body, and settles fields and length; null when the coding
 * is none that can be decoded.
 */
export function decodeBody(exchange: Exchange, next: Sink, bounds: RecodingBounds): Sink | null {
  const { coding } = readBodyFacts(exchange.responseHeaders);
  if (!DECODABLE.has(coding)) return null;
  exchange.responseHeaders = recodedFields(exchange.responseHeaders, null);
  exchange.responseByteLength = -1;
  if (exchange.method === 'HEAD') return next;
  return new RecodedStream(exchange, next, {
    codec: createDecoder(coding as DecoderName),
    flushKind: null,
    bounds,
    blame: 'undecodable',
    onOver: () => {},
  });
}
