// Peak EWMA: of two peers drawn by weight, the one with the lower expected wait gets the attempt, where
// the wait is the moving average of the time to the response head times what is in flight (Finagle).
// The average follows a rise at once and a fall slowly, so that a peer that stalls is left at once.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { supposedLoadOf } from './availability.ts';
import { Draw } from './draw.ts';

export class PeakEwma implements Balancer {
  readonly #draw: Draw;
  readonly #nowMs: () => number;

  constructor(peers: readonly PeerConfig[], random: () => number, nowMs: () => number) {
    this.#draw = new Draw(peers, random);
    this.#nowMs = nowMs;
  }

  pick(exchange: Exchange): Peer | null {
    const one = this.#draw.one(exchange, null);
    if (one === null) return null;
    const other = this.#draw.one(exchange, one);
    if (other === null) return one.peer;
    const nowMs = this.#nowMs();
    return expectedWait(other, nowMs) < expectedWait(one, nowMs) ? other.peer : one.peer;
  }
}

function expectedWait({ peer, weight }: PeerConfig, nowMs: number): number {
  // A peer that has answered nothing yet is tried, but not by everybody at once.
  const latencyMs = peer.latency.valueAt(nowMs);
  const load = supposedLoadOf(peer);
  return ((latencyMs === 0 ? load * 1000 : latencyMs) * (load + 1)) / weight;
}
