// Least connections: the available peer with the fewest attempts in flight over all workers, relative to
// its weight. O(peers): it looks at everybody; `power-of-two` is nearly as good at constant cost.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { isFree, supposedLoadOf } from './availability.ts';
import { Candidates } from './candidates.ts';

export class LeastConnections implements Balancer {
  readonly #candidates: Candidates;
  /** Where the search begins: moves on with each pick, so that ties go round. */
  #next: number;

  constructor(peers: readonly PeerConfig[], startAt = 0) {
    this.#candidates = new Candidates(peers);
    this.#next = startAt;
  }

  pick(exchange: Exchange): Peer | null {
    this.#candidates.renew();
    const { peers, weights } = this.#candidates;
    const count = peers.length;
    let best = -1;
    let bestLoad = Number.POSITIVE_INFINITY;
    let at = this.#next < count ? this.#next : 0;
    for (let step = 0; step < count; step++) {
      const config = peers[at]!;
      // The load that it would have with this attempt, so that weights count among idle peers too.
      const load = (supposedLoadOf(config.peer) + 1) / weights[at]!;
      if (load < bestLoad && isFree(config, exchange)) {
        best = at;
        bestLoad = load;
      }
      at = at + 1 === count ? 0 : at + 1;
    }
    if (best === -1) return null;
    this.#next = best + 1;
    return peers[best]!.peer;
  }
}
