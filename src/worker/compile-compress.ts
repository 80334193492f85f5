// Compiles what a route says about compression: the stage that does it, and, where answers are stored, what
// keeps the stored ones plain.

import type { RouteConfig } from '../config/schema.ts';
import type { RequestFilter, ResponseStage } from '../core/filter.ts';
import { keepCodingWish, PlainStage } from './compress/coding-wish.ts';
import { CompressStage } from './compress/compress-stage.ts';
import { countDecoded } from './compress/compression.ts';
import type { RouteContext } from './route-context.ts';

/** Returns the stage next to the client, or null. `changesBody`: a stage before it does, for each client. */
export function compileCompress(
  { compress }: RouteConfig,
  { compression, cache }: RouteContext,
  changesBody: boolean,
): ResponseStage | null {
  if (compress === null) return null;
  return new CompressStage(compress, compression, changesBody ? null : (cache?.store ?? null));
}

/** Returns the filter that keeps Accept-Encoding from cache and peer, or null. */
export function compileCodingWish({ compress, cache }: RouteConfig): RequestFilter | null {
  return compress === null || cache === null ? null : keepCodingWish;
}

/** Returns the stage that decodes what peers encoded before it is stored, or null. */
export function compilePlain(
  { compress, cache }: RouteConfig,
  { compression }: RouteContext,
): ResponseStage | null {
  if (compress === null || cache === null || !compress.decode) return null;
  const { decodedBytesMax: bytesMax, decodedRatioMax: ratioMax } = compress;
  return new PlainStage({ bytesMax, ratioMax }, countDecoded(compression));
}
