// The schema of compression: what all routes go by, and what one route does differently.

import * as z from 'zod';
import type { CompressionPolicy } from '../core/compression.ts';
import { MIB } from '../core/limits.ts';
import { choice, flag, integer, section, size, text } from './fields.ts';

const typeError = "a media type such as 'text/html', 'text/*' or '*+json'";

const mediaType = text(typeError, (value) => {
  const type = value.toLowerCase();
  return /^(?:[a-z0-9!#$&^_.+-]{1,127}\/(?:\*|[a-z0-9!#$&^_.+-]{1,127})|\*\+[a-z0-9.-]{1,60})$/.test(
    type,
  )
    ? type
    : null;
});

/** What is text by nature, or was never compressed by its maker. */
const TYPES = [
  'text/*',
  '*+json',
  '*+xml',
  '*+text',
  'application/json',
  'application/javascript',
  'application/x-javascript',
  'application/ecmascript',
  'application/xml',
  'application/x-ndjson',
  'application/graphql',
  'application/wasm',
  'application/yaml',
  'application/toml',
  'application/sql',
  'application/x-sh',
  'application/rtf',
  'application/x-www-form-urlencoded',
  'application/vnd.ms-fontobject',
  'font/ttf',
  'font/otf',
  'image/bmp',
  'image/vnd.microsoft.icon',
  'image/x-icon',
];

const encodings = z
  .array(choice(['zstd', 'br', 'gzip']), { error: "a list of 'zstd', 'br' and 'gzip'" })
  .min(1, { error: "a list of 'zstd', 'br' and 'gzip'" });

const types = z.array(mediaType, { error: 'a list of media types' });
const minBytes = size({ min: 1, max: 1 * MIB });
const zstdLevel = integer({ min: 1, max: 19 });
const brotliLevel = integer({ min: 0, max: 11 });
const gzipLevel = integer({ min: 1, max: 9 });

const texts = {
  encodings: 'Codings to use, the best first; a client that likes several as much gets the first.',
  levels: 'How hard to try.',
  zstd: '1 is the fastest, 19 the densest.',
  br: '0 is the fastest, 11 the densest.',
  gzip: '1 is the fastest, 9 the densest.',
  minBytes: 'Shorter bodies go out as they are.',
  types: "Media types to compress: 'type/subtype', 'type/*' or '*+suffix'.",
  decode: 'Decode bodies that a peer sends in a coding the client did not ask for.',
};

/** Describes what the routes that compress go by. */
export const compression = section({
  enabled: flag().prefault(false).describe('Compress on every route that does not say otherwise.'),
  encodings: encodings.prefault(['zstd', 'br', 'gzip']).describe(texts.encodings),
  levels: section({
    zstd: zstdLevel.prefault(3).describe(texts.zstd),
    br: brotliLevel.prefault(4).describe(texts.br),
    gzip: gzipLevel.prefault(4).describe(texts.gzip),
  })
    .prefault({})
    .describe(texts.levels),
  minBytes: minBytes.prefault('1KiB').describe(texts.minBytes),
  types: types.prefault(TYPES).describe(texts.types),
  decode: flag().prefault(true).describe(texts.decode),
  decodedRatioMax: integer({ min: 1, max: 100_000 })
    .prefault(200)
    .describe('Most decoded bytes for each encoded one; counted from the first mebibyte on.'),
  decodedBytesMax: size({ min: 1 * MIB, max: 2 ** 40 })
    .prefault('256MiB')
    .describe('Largest decoded body; a larger one is broken off.'),
})
  .prefault({})
  .describe('Compression of responses, for the routes that want it.');

const overrides = section({
  encodings: encodings.optional().describe(texts.encodings),
  levels: section({
    zstd: zstdLevel.optional().describe(texts.zstd),
    br: brotliLevel.optional().describe(texts.br),
    gzip: gzipLevel.optional().describe(texts.gzip),
  })
    .prefault({})
    .describe(texts.levels),
  minBytes: minBytes.optional().describe(texts.minBytes),
  types: types.optional().describe(texts.types),
  decode: flag().optional().describe(texts.decode),
});

/** Describes whether a route compresses, and what it does differently. */
export const routeCompress = z
  .union([flag(), overrides], { error: 'true, false, or a map of settings' })
  .optional()
  .describe("true, false, or what is different from 'compression'; default compression.enabled.");

/** Completes what a route says by what holds for all of them; null: it does not compress. */
export function compressionOf(
  route: z.output<typeof routeCompress>,
  common: z.output<typeof compression>,
): CompressionPolicy | null {
  const wish = route ?? common.enabled;
  if (wish === false) return null;
  const own: z.output<typeof overrides> = wish === true ? { levels: {} } : wish;
  const decodes = own.decode ?? common.decode;
  return {
    encodings: own.encodings ?? common.encodings,
    levels: {
      zstd: own.levels.zstd ?? common.levels.zstd,
      br: own.levels.br ?? common.levels.br,
      gzip: own.levels.gzip ?? common.levels.gzip,
    },
    minBytes: own.minBytes ?? common.minBytes,
    types: own.types ?? common.types,
    decode: decodes ? { bytesMax: common.decodedBytesMax, ratioMax: common.decodedRatioMax } : null,
  };
}
