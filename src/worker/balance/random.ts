// Random: each available peer with a probability in proportion to its weight.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { Draw } from './draw.ts';

export class RandomChoice implements Balancer {
  readonly #peers: readonly PeerConfig[];
  readonly #draw: Draw;

  constructor(peers: readonly PeerConfig[], random: () => number) {
    this.#peers = peers;
    this.#draw = new Draw(peers, random);
  }

  pick(exchange: Exchange): Peer | null {
    const at = this.#draw.one(exchange, -1);
    return at === -1 ? null : this.#peers[at]!.peer;
  }
}
