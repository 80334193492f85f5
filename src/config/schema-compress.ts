// The schema of compression: what a route does to its responses (`routes[].compress`).

import * as z from 'zod';
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

const codingsError = "a list of 'zstd', 'br' and 'gzip'";

const options = section({
  encodings: z
    .array(choice(['zstd', 'br', 'gzip']), { error: codingsError })
    .min(1, { error: codingsError })
    .prefault(['zstd', 'br', 'gzip'])
    .describe('Codings to use; of several that a client likes as much, the first in this list.'),
  levels: section({
    zstd: integer({ min: 1, max: 19 }).prefault(3).describe('1 is the fastest, 19 the densest.'),
    br: integer({ min: 0, max: 11 }).prefault(4).describe('0 is the fastest, 11 the densest.'),
    gzip: integer({ min: 1, max: 9 }).prefault(4).describe('1 is the fastest, 9 the densest.'),
  })
    .prefault({})
    .describe('How hard to try.'),
  minBytes: size({ min: 1, max: 1 * MIB })
    .prefault('1KiB')
    .describe('Shorter bodies go out as they are.'),
  types: z
    .array(mediaType, { error: 'a list of media types' })
    .prefault(TYPES)
    .describe("Media types to compress: 'type/subtype', 'type/*' or '*+suffix'."),
  dictionaries: flag()
    .prefault(false)
    .describe(
      'Uses answers that peers offer as dictionaries (Use-As-Dictionary) for clients that have them: dcz where encodings has zstd, dcb where it has br.',
    ),
  decode: flag()
    .prefault(true)
    .describe('Decodes bodies that a peer sends in a coding the client did not ask for.'),
  decodedRatioMax: integer({ min: 1, max: 100_000 })
    .prefault(200)
    .describe('Most decoded bytes for each encoded one, counted from the first mebibyte on.'),
  decodedBytesMax: size({ min: 1 * MIB, max: 2 ** 40 })
    .prefault('256MiB')
    .describe('Largest decoded body; a larger one is broken off.'),
});

/** Describes whether and how a route compresses; null: it does not. */
export const routeCompress = z
  .union([z.boolean(), options], { error: 'true, false, or a map of settings' })
  .transform((value) => {
    if (typeof value !== 'boolean') return value;
    return value ? options.parse({}) : null;
  })
  .nullable()
  .prefault(null)
  .describe('Compresses responses for clients that accept it: true, or how.');
