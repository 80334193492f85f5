// Peak EWMA: of two peers drawn by weight, the one with the lower expected wait gets the attempt, where
// the wait is the moving average of the time to the response head times what is in flight (Finagle).
// The average follows a rise at once and a fall slowly, so that a peer that stalls is left at once.

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { loadOf } from './availability.ts';
import { Draw } from './draw.ts';

export class PeakEwma implements Balancer {
  readonly #peers: readonly PeerConfig[];
  readonly #draw: Draw;
  readonly #nowMs: () => number;

  constructor(peers: readonly PeerConfig[], random: () => number, nowMs: () => number) {
    this.#peers = peers;
    this.#draw = new Draw(peers, random);
    this.#nowMs = nowMs;
  }

  pick(exchange: Exchange): Peer | null {
    const first = this.#draw.one(exchange, -1);
    if (first === -1) return null;
    const second = this.#draw.one(exchange, first);
    if (second === -1) return this.#peers[first]!.peer;
    const nowMs = this.#nowMs();
    const one = this.#peers[first]!;
    const other = this.#peers[second]!;
    return expectedWait(other, nowMs) < expectedWait(one, nowMs) ? other.peer : one.peer;
  }
}

function expectedWait({ peer, weight }: PeerConfig, nowMs: number): number {
  // A peer that has answered nothing yet is tried, but not by everybody at once.
  const latencyMs = peer.latency.valueAt(nowMs);
  const load = loadOf(peer);
  return ((latencyMs === 0 ? load * 1000 : latencyMs) * (load + 1)) / weight;
}
