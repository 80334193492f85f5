// Which peer gets the next attempt.

import type { Exchange } from './exchange.ts';
import type { Peer } from './peer.ts';

/**
 * Picks a peer that is healthy and not in `exchange.tried`, or null when there is none. Never allocates,
 * awaits or throws; O(peers) at most.
 */
export interface Balancer {
  pick(exchange: Exchange): Peer | null;
}
