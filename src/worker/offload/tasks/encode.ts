// The task that compresses a whole body.

import { restIfBusy } from '../rest.ts';
import { encodeInPieces, type WholeBody } from './encode-in-pieces.ts';

export type EncodePayload = WholeBody;

/** Returns the compressed body, or the body itself when that is no longer. */
export function encode(work: EncodePayload): Uint8Array {
  const encoded = encodeInPieces(work, restIfBusy);
  return encoded.byteLength < work.body.byteLength ? encoded : work.body;
}
