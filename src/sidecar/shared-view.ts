// The shared state as the operator sees it: peers and upstreams at one moment, as plain data.

import type { BreakerPhase } from '../channel/breaker.ts';
import type { CheckState } from '../channel/check-record.ts';
import { isHealthy, reasonOf } from '../channel/peer-health.ts';
import type { PeerState, UpstreamState } from '../channel/shared-state.ts';
import { guardId } from '../core/upstream-guard.ts';

/** A peer as all workers together see it. Rates are of the last ten seconds (or `outlier.windowMs`). */
export interface SharedPeer {
  readonly id: string;
  readonly upstream: string;
  readonly inFlight: number;
  readonly healthy: boolean;
  /** Why it gets no work; '' when it does. */
  readonly reason: string;
  /** Since when that is so, as far as this sidecar knows: ms since 1970. */
  readonly sinceMs: number;
  readonly check: SharedCheck;
  readonly failuresInRow: number;
  readonly timesEjected: number;
  readonly ejectedForMs: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
}

export interface SharedCheck {
  /** `off`: nobody checks it. */
  readonly state: CheckState | 'off';
  /** When the last check ended, ms since 1970; 0 never. */
  readonly atMs: number;
  /** What the last bad check found, '' when there was none. */
  readonly why: string;
}

/** An upstream as a whole. */
export interface SharedUpstream {
  readonly name: string;
  readonly inFlight: number;
  readonly retriesInFlight: number;
  readonly peers: number;
  readonly peersHealthy: number;
  readonly breaker: SharedBreaker;
}

export interface SharedBreaker {
  readonly phase: BreakerPhase | 'off';
  /** ms since 1970; 0 since ever. */
  readonly sinceMs: number;
  readonly opened: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
}

/** Returns the view of a peer at the monotonic time `now`. */
export function sharedPeer(peer: PeerState, now: number): SharedPeer {
  const { check, ejection, upstream, traffic } = peer;
  const { answers, errors } = traffic.sumAt(now);
  const isChecked = upstream !== null && upstream.spec.checks !== null;
  return {
    id: peer.id,
    upstream: upstream?.spec.name ?? '',
    inFlight: peer.inFlight,
    healthy: isHealthy(peer),
    reason: reasonOf(peer),
    sinceMs: toDate(peer.verdictAtMs),
    check: {
      state: isChecked ? check.state : 'off',
      atMs: toDate(check.checkedAtMs),
      why: check.why,
    },
    failuresInRow: ejection.run,
    timesEjected: ejection.times,
    ejectedForMs: Math.max(0, Math.ceil(ejection.untilMs - now)),
    requestsPerSecond: perSecond(answers, traffic.windowMs),
    errorsPerSecond: perSecond(errors, traffic.windowMs),
  };
}

/** Returns the view of an upstream at the monotonic time `now`. */
export function sharedUpstream({ spec, peers, guard }: UpstreamState, now: number): SharedUpstream {
  return {
    name: spec.name,
    inFlight: peers.reduce((sum, peer) => sum + peer.inFlight, 0),
    retriesInFlight: guard.inFlight,
    peers: peers.length,
    peersHealthy: peers.filter(isHealthy).length,
    breaker: sharedBreaker(guard, now),
  };
}

/** Tells peers from guards, and from names that workers have for what was never configured. */
export function isPeer(peer: PeerState): boolean {
  return peer.guards === null && !peer.id.endsWith(guardId(''));
}

function sharedBreaker({ breaker }: PeerState, now: number): SharedBreaker {
  if (breaker === null) {
    return { phase: 'off', sinceMs: 0, opened: 0, requestsPerSecond: 0, errorsPerSecond: 0 };
  }
  const { phase, sinceMs, opened, window } = breaker;
  const { answers, errors } = window.sumAt(now);
  return {
    phase,
    sinceMs: toDate(sinceMs),
    opened,
    requestsPerSecond: perSecond(answers, window.windowMs),
    errorsPerSecond: perSecond(errors, window.windowMs),
  };
}

function perSecond(count: number, windowMs: number): number {
  return Math.round((count / windowMs) * 100_000) / 100;
}

/** Monotonic to calendar time. */
function toDate(monotonicMs: number): number {
  return monotonicMs === 0 ? 0 : Math.round(performance.timeOrigin + monotonicMs);
}
