// Least connections: the available peer with the fewest attempts in flight over all workers, relative to
// its weight. O(peers): it looks at everybody; `power-of-two` is nearly as good at constant cost.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { isAvailable, loadOf, weightOf } from './availability.ts';

export class LeastConnections implements Balancer {
  readonly #peers: readonly PeerConfig[];
  /** Where the search begins: moves on with each pick, so that ties go round. */
  #next: number;

  constructor(peers: readonly PeerConfig[], startAt = 0) {
    this.#peers = peers;
    this.#next = startAt;
  }

  pick(exchange: Exchange): Peer | null {
    const peers = this.#peers;
    const count = peers.length;
    let best = -1;
    let bestLoad = Number.POSITIVE_INFINITY;
    for (let step = 0; step < count; step++) {
      const at = (this.#next + step) % count;
      const config = peers[at]!;
      if (!isAvailable(config, exchange)) continue;
      // The load that it would have with this attempt, so that weights count among idle peers too.
      const load = (loadOf(config.peer) + 1) / weightOf(config);
      if (load < bestLoad) {
        best = at;
        bestLoad = load;
      }
    }
    if (best === -1) return null;
    this.#next = (best + 1) % count;
    return peers[best]!.peer;
  }
}
