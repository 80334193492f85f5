// Smooth weighted round robin (the algorithm of nginx): weights 5, 1, 1 give a a b a c a a, not five in
// a row. Each pick raises every candidate by its weight and takes the highest back by the sum. O(peers).

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { isFree } from './availability.ts';
import { Candidates } from './candidates.ts';

export class RoundRobin implements Balancer {
  readonly #candidates: Candidates;
  /** By place among all peers: credit outlasts a change of candidates. */
  readonly #credits: Float64Array;

  /** `turnsAhead` starts each worker at another place, so that they do not all begin with one peer. */
  constructor(peers: readonly PeerConfig[], turnsAhead = 0) {
    this.#candidates = new Candidates(peers);
    this.#credits = new Float64Array(peers.length);
    for (let turn = 0; turn < turnsAhead; turn++) this.#next(null);
  }

  pick(exchange: Exchange): Peer | null {
    return this.#next(exchange);
  }

  /** Takes one turn among those available to `exchange`; null: among all candidates. */
  #next(exchange: Exchange | null): Peer | null {
    this.#candidates.renew();
    const { peers, weights, indexes, canBeFull } = this.#candidates;
    // Mostly all are free; then a thousand peers cost no look at any.
    const asked = canBeFull || exchange?.tried != null ? exchange : null;
    const credits = this.#credits;
    let best = -1;
    let bestCredit = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (let at = 0; at < peers.length; at++) {
      if (asked !== null && !isFree(peers[at]!, asked)) continue;
      const index = indexes[at]!;
      const weight = weights[at]!;
      const credit = credits[index]! + weight;
      credits[index] = credit;
      sum += weight;
      if (credit <= bestCredit) continue;
      best = at;
      bestCredit = credit;
    }
    if (best === -1) return null;
    credits[indexes[best]!]! -= sum;
    return peers[best]!.peer;
  }
}
