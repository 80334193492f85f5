// What keeps a client on one peer: the part of a plan that knows sessions, and where they are remembered.

import type { Exchange } from './exchange.ts';

/**
 * One per upstream and configuration. Between `open` and `settle` the exchange carries what is known in
 * `sessionPeer` and `sessionIsDue`.
 */
export interface Session {
  /**
   * Finds the peer that the client belongs to, and takes out of the request what the peer must not see.
   * Called once, when `requestHeaders` are those for the peer and before the first pick.
   */
  open(exchange: Exchange): void;
  /**
   * The response head of `exchange.peer` is there: from now on the client belongs to it, unless it is a
   * failure. May add to the response head.
   */
  settle(exchange: Exchange): void;
}

/** Remembers, for a while, which peer a session is on; shared by all workers. Sessions go by a 64-bit hash. */
export interface SessionTable {
  /** Returns the id of the peer, or null; counts as a use of the session. Never allocates. */
  find(high: number, low: number): string | null;
  /** The session is on that peer from now on. */
  stick(high: number, low: number, peerId: string): void;
}
