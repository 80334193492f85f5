// Asks the session first: a client goes to the peer that it belongs to for as long as that can take it,
// else to whom the upstream's own balancer picks.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';

export class StickyBalancer implements Balancer {
  readonly #inner: Balancer;
  readonly #configs: ReadonlyMap<Peer, PeerConfig>;

  /** `peers` are all of the upstream. */
  constructor(inner: Balancer, peers: readonly PeerConfig[]) {
    this.#inner = inner;
    this.#configs = new Map(peers.map((config) => [config.peer, config]));
  }

  pick(exchange: Exchange): Peer | null {
    const peer = exchange.sessionPeer;
    if (peer !== null && this.#mayServe(peer, exchange)) return peer;
    return this.#inner.pick(exchange);
  }

  /**
   * A peer that drains keeps its sessions. One that is full does not: a queue would hold up everybody
   * behind, and a client is served rather than kept.
   */
  #mayServe(peer: Peer, exchange: Exchange): boolean {
    if (!peer.healthy && !peer.group.panics) return false;
    if (exchange.tried?.includes(peer) === true) return false;
    const config = this.#configs.get(peer);
    if (config === undefined) return false;
    const { connectionsMax } = config;
    return connectionsMax === 0 || peer.inFlight + peer.inFlightElsewhere < connectionsMax;
  }
}
