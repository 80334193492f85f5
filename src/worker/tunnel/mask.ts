// Masking keys for frames to peers (RFC 6455 section 5.3): random, and never zero. With a zero key `ws`
// would send the caller's own bytes without copying them, and those are gone after the call.

import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 8192;
const pool = Buffer.alloc(POOL_BYTES);
let at = POOL_BYTES;

/** Fills `mask` (4 bytes) with a random key that is not zero. */
export function fillMask(mask: Buffer): void {
  do {
    if (at === POOL_BYTES) {
      randomFillSync(pool);
      at = 0;
    }
    pool.copy(mask, 0, at, at + 4);
    at += 4;
  } while ((mask[0]! | mask[1]! | mask[2]! | mask[3]!) === 0);
}
