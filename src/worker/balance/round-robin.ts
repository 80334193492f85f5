// Smooth weighted round robin (the algorithm of nginx): weights 5, 1, 1 give a a b a c a a, not five in
// a row. Each pick raises every candidate by its weight and takes the highest back by the sum. O(peers).

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { isAvailable, weightOf } from './availability.ts';

export class RoundRobin implements Balancer {
  readonly #peers: readonly PeerConfig[];
  readonly #credits: Float64Array;

  /** `turnsAhead` starts each worker at another place, so that they do not all begin with one peer. */
  constructor(peers: readonly PeerConfig[], turnsAhead = 0) {
    this.#peers = peers;
    this.#credits = new Float64Array(peers.length);
    for (let turn = 0; turn < turnsAhead; turn++) this.#next(null);
  }

  pick(exchange: Exchange): Peer | null {
    return this.#next(exchange);
  }

  /** Takes one turn among those available to `exchange`; null: among all. */
  #next(exchange: Exchange | null): Peer | null {
    const peers = this.#peers;
    const credits = this.#credits;
    let best = -1;
    let sum = 0;
    for (let at = 0; at < peers.length; at++) {
      const config = peers[at]!;
      if (exchange !== null && !isAvailable(config, exchange)) continue;
      const weight = weightOf(config);
      sum += weight;
      credits[at]! += weight;
      if (best === -1 || credits[at]! > credits[best]!) best = at;
    }
    if (best === -1) return null;
    credits[best]! -= sum;
    return peers[best]!.peer;
  }
}
