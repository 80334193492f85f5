// The task that compresses a whole body.

import { type EncoderName, encodeWhole } from '../../../std/encode.ts';

export interface EncodePayload {
  readonly body: Uint8Array;
  readonly coding: EncoderName;
  readonly level: number;
}

/** Returns the compressed body, or the body itself when that is no longer. */
export function encode({ body, coding, level }: EncodePayload): Uint8Array {
  const encoded = encodeWhole(body, coding, level);
  return encoded.byteLength < body.byteLength ? encoded : body;
}
