// What TLS session tickets are sealed with: the same in all workers and across reloads, because it is made
// of the primary's secret and the time, and another one twice a day.

import { createHmac } from 'node:crypto';

/** How long one key is used; sessions are forgotten with it. */
export const TICKET_PERIOD_MS = 12 * 3_600_000;

const NAME_BYTES = 16;

/** Returns the 48 bytes that Node wants at `nowMs` (Unix time): a name, and keys to sign and to seal with. */
export function ticketKeysAt(secret: string, nowMs: number): Buffer {
  const period = Math.floor(nowMs / TICKET_PERIOD_MS);
  const part = (use: string) => {
    return createHmac('sha256', secret).update(`tls-ticket ${use} ${period}`).digest();
  };
  return Buffer.concat([
    part('name').subarray(0, NAME_BYTES),
    part('sign').subarray(0, NAME_BYTES),
    part('seal').subarray(0, NAME_BYTES),
  ]);
}
