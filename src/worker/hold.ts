// Who holds a peer: every attempt is counted at its peer from the moment it is given to it until it is
// over, here and, by way of the sidecar, for all workers.

import type { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Peer } from '../core/peer.ts';

/** Who wants to know how peers do: the shared state by way of the sidecar. */
export interface PeerReports {
  /** `peer.inFlight` has changed. */
  touched(peer: Peer): void;
  succeeded(peer: Peer): void;
  /** By the peer's own fault. */
  failed(peer: Peer, error: ProxyError | null): void;
}

/** What holds of one kind have in common. */
export interface HoldContext {
  /** Attempts after the first that run now. */
  retriesRunning: number;
  readonly peers: PeerReports;
}

/** Begins an attempt of the exchange on `peer`. */
export function holdPeer(exchange: Exchange, peer: Peer, context: HoldContext): void {
  exchange.peer = peer;
  exchange.attempts += 1;
  exchange.holdsPeer = true;
  peer.inFlight += 1;
  peer.group.inFlight += 1;
  peer.attempts += 1;
  if (exchange.attempts > 1) context.retriesRunning += 1;
  context.peers.touched(peer);
}

/** Ends the hold of an exchange on its peer; harmless when there is none. */
export function releasePeer(exchange: Exchange, context: HoldContext): void {
  if (!exchange.holdsPeer) return;
  exchange.holdsPeer = false;
  const peer = exchange.peer!;
  peer.inFlight -= 1;
  peer.group.inFlight -= 1;
  if (exchange.attempts > 1) context.retriesRunning -= 1;
  if (peer.group.queue !== null) peer.group.queue.wake();
  context.peers.touched(peer);
}
