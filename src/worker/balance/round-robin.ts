// Smooth weighted round robin (the algorithm of nginx): weights 5, 1, 1 give a a b a c a a, not five in
// a row. Each pick raises every candidate by its weight and takes the highest back by the sum.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';

/**
 * Picks among healthy peers that this exchange has not tried; when none is healthy, among all that it
 * has not tried (a wrong verdict must not take a whole upstream down). O(peers), no allocation.
 */
export class RoundRobin implements Balancer {
  readonly #peers: readonly Peer[];
  readonly #weights: Int32Array;
  readonly #credits: Int32Array;

  /** `turnsAhead` starts each worker at another place, so that they do not all begin with one peer. */
  constructor(configs: readonly PeerConfig[], turnsAhead = 0) {
    this.#peers = configs.map((config) => config.peer);
    this.#weights = Int32Array.from(configs, (config) => config.weight);
    this.#credits = new Int32Array(configs.length);
    for (let turn = 0; turn < turnsAhead; turn++) this.#next(null, false);
  }

  pick(exchange: Exchange): Peer | null {
    return this.#next(exchange.tried, true) ?? this.#next(exchange.tried, false);
  }

  #next(tried: readonly Peer[] | null, healthyOnly: boolean): Peer | null {
    const peers = this.#peers;
    const weights = this.#weights;
    const credits = this.#credits;
    let best = -1;
    let sum = 0;
    for (let at = 0; at < peers.length; at++) {
      const peer = peers[at]!;
      if ((healthyOnly && !peer.healthy) || tried?.includes(peer)) continue;
      const weight = weights[at]!;
      sum += weight;
      credits[at]! += weight;
      if (best === -1 || credits[at]! > credits[best]!) best = at;
    }
    if (best === -1) return null;
    credits[best]! -= sum;
    return peers[best]!;
  }
}
