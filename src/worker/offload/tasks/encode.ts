// The task that compresses a whole body.

import { encodeInPieces, type WholeBody } from '../encode-in-pieces.ts';
import { restIfBusy } from '../rest.ts';

export type EncodePayload = WholeBody;

/** Returns the compressed body, or the body itself when that is no longer. */
export function encode(work: EncodePayload): Uint8Array {
  const encoded = encodeInPieces(work, restIfBusy);
  return encoded.byteLength < work.body.byteLength ? encoded : work.body;
}
