// Random: each available peer with a probability in proportion to its weight.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { Draw } from './draw.ts';

export class RandomChoice implements Balancer {
  readonly #draw: Draw;

  constructor(peers: readonly PeerConfig[], random: () => number) {
    this.#draw = new Draw(peers, random);
  }

  pick(exchange: Exchange): Peer | null {
    return this.#draw.one(exchange, null)?.peer ?? null;
  }
}
