// Power of two choices: two peers are drawn by weight, the one with fewer attempts in flight relative to
// its weight gets the attempt. Constant cost; and because workers draw different pairs, their slightly
// old view of each other's counts makes no herd (Mitzenmacher 2001).

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { supposedLoadOf } from './availability.ts';
import { Draw } from './draw.ts';

export class PowerOfTwo implements Balancer {
  readonly #draw: Draw;

  constructor(peers: readonly PeerConfig[], random: () => number) {
    this.#draw = new Draw(peers, random);
  }

  pick(exchange: Exchange): Peer | null {
    const one = this.#draw.one(exchange, null);
    if (one === null) return null;
    const other = this.#draw.one(exchange, one);
    if (other === null) return one.peer;
    const isLess =
      supposedLoadOf(other.peer) * one.weight < supposedLoadOf(one.peer) * other.weight;
    return isLess ? other.peer : one.peer;
  }
}
