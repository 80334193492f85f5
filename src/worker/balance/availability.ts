// Who may get work at all, and how loaded a peer is: the questions that every balancer asks.

import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';

/** Attempts in flight on the peer, of this worker and, as last reported, of all others. */
export function loadOf(peer: Peer): number {
  return peer.inFlight + peer.inFlightElsewhere;
}

/**
 * Returns the load as balancers compare it. Reports are up to 200 ms old, in which every worker would run
 * after the same peer; so each other worker is supposed to have made half of this one's moves since (for
 * 5 ms backends, 4 workers and 50 ms between reports p99 falls from 3.9 to 1.1 times the ideal;
 * docs/balancing-measured.md). Bounds go by what was told, see `loadOf`.
 */
export function supposedLoadOf(peer: Peer): number {
  const moved = peer.inFlight - peer.inFlightAtReport;
  const elsewhere = peer.inFlightElsewhere + peer.group.anticipation * moved;
  return elsewhere > 0 ? peer.inFlight + elsewhere : peer.inFlight;
}

/** Whether the peer has reached its `connectionsMax` (0: no bound). */
export function isFull(config: PeerConfig): boolean {
  return config.connectionsMax !== 0 && loadOf(config.peer) >= config.connectionsMax;
}

/** Whether the verdicts let the peer have new work; changes only with the version of its group. */
export function isUsable(peer: Peer): boolean {
  return (peer.healthy || peer.group.panics) && !peer.draining;
}

/** Whether a peer that verdicts let have work may get this exchange's next attempt. */
export function isFree(config: PeerConfig, exchange: Exchange): boolean {
  return (exchange.tried === null || !exchange.tried.includes(config.peer)) && !isFull(config);
}

/** Whether the peer may get this exchange's next attempt. */
export function isAvailable(config: PeerConfig, exchange: Exchange): boolean {
  return isUsable(config.peer) && isFree(config, exchange);
}

/** The configured weight, scaled down while the peer warms up after a recovery. */
export function weightOf(config: PeerConfig): number {
  return config.weight * config.peer.warmth;
}
