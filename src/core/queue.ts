// Where exchanges wait while all peers that could take them are full.

import type { ProxyError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { Peer } from './peer.ts';

/** Somebody who waits. Exactly one of `admit` and `refuse` follows, unless the ticket is given back. */
export interface Waiter {
  readonly exchange: Exchange;
  /** `peer` has room for the next attempt. */
  admit(peer: Peer): void;
  refuse(error: ProxyError): void;
}

/** A place in the queue. */
export interface Ticket {
  /** Leaves the queue, e.g. because the client has left. Idempotent. */
  leave(): void;
}

/** One per upstream and worker. */
export interface Queue {
  /** Who comes now stands behind somebody. */
  readonly isBusy: boolean;
  /**
   * Returns a place, or why there is none: `queue_full`, or null when no peer would be available even if
   * it had room, so that waiting is no use.
   */
  join(waiter: Waiter): Ticket | ProxyError | null;
}
