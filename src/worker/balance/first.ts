// In order: the first available peer of the list gets everything. For hot standbys and for filling one
// machine before the next.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { isAvailable } from './availability.ts';

export class First implements Balancer {
  readonly #peers: readonly PeerConfig[];

  constructor(peers: readonly PeerConfig[]) {
    this.#peers = peers;
  }

  pick(exchange: Exchange): Peer | null {
    for (const config of this.#peers) {
      if (isAvailable(config, exchange)) return config.peer;
    }
    return null;
  }
}
