// Who holds a peer: every attempt is counted at its peer from the moment it is given to it until it is
// over, here and, by way of the sidecar, for all workers.

import type { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { Peer } from '../core/peer.ts';
import type { UpstreamGuard } from '../core/upstream-guard.ts';

/** Who wants to know how peers do: the shared state by way of the sidecar. */
export interface PeerReports {
  /** `inFlight` has changed. */
  touched(counted: Peer | UpstreamGuard): void;
  succeeded(peer: Peer): void;
  /** By the peer's own fault. */
  failed(peer: Peer, error: ProxyError | null): void;
  /** An exchange has failed that the circuit breaker of its upstream counts. */
  erred(guard: UpstreamGuard): void;
}

/** What holds of one kind have in common. */
export interface HoldContext {
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
  if (exchange.attempts > 1) countRetry(peer.group.guard, 1, context);
  context.peers.touched(peer);
}

/** Ends the hold of an exchange on its peer; harmless when there is none. */
export function releasePeer(exchange: Exchange, context: HoldContext): void {
  if (!exchange.holdsPeer) return;
  exchange.holdsPeer = false;
  const peer = exchange.peer!;
  peer.inFlight -= 1;
  peer.group.inFlight -= 1;
  if (exchange.attempts > 1) countRetry(peer.group.guard, -1, context);
  if (peer.group.queue !== null) peer.group.queue.wake();
  context.peers.touched(peer);
}

/** Attempts after the first share a budget (retry.ts). */
function countRetry(guard: UpstreamGuard, change: number, context: HoldContext): void {
  guard.inFlight += change;
  context.peers.touched(guard);
}
