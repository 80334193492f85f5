// What a stored answer takes of memory, in bytes: measured on V8 where it cannot be known, and rather too
// much than too little.

import type { CachedVariant, StoredResponse } from '../../../core/cache.ts';

/** The objects of one variant: response, variant, buffer, and their places in lists. */
const variantBytes = 640;
/** One string besides its characters, and its place in a list. */
const stringBytes = 32;
/** An entry without variants: map, slot, entry. */
export const entryBytes = 320;

/** Returns the bytes of one variant with all its encodings. */
export function variantWeight({ response, body, encodings }: CachedVariant): number {
  let bytes = variantBytes + body.byteLength + headWeight(response);
  if (encodings !== null) {
    for (const encoded of encodings.values()) bytes += encoded.byteLength + stringBytes * 4;
  }
  return bytes;
}

function headWeight({ key, url, varyKey, headers, vary, tags }: StoredResponse): number {
  let bytes = key.length + url.length + varyKey.length + stringBytes * 3;
  // Twice: the list that is made of it for clients holds the same strings.
  for (const text of headers) bytes += text.length + stringBytes;
  for (const text of vary) bytes += text.length + stringBytes;
  for (const text of tags) bytes += text.length + stringBytes;
  return bytes;
}
