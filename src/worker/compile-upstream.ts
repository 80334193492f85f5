// Compiles one upstream of a configuration: its peers, who chooses among them, what carries the
// exchanges, and where they wait.

import type { Config, UpstreamConfig } from '../config/schema.ts';
import type { Balancer } from '../core/balancer.ts';
import type { Hedging } from '../core/hedging.ts';
import type { PeerConfig, PeerGroup } from '../core/peer.ts';
import type { Breaker, RetryPolicy } from '../core/plan.ts';
import type { Session } from '../core/session.ts';
import { createBalancer } from './balance/create-balancer.ts';
import { parseHashKey } from './balance/hash-key.ts';
import type { PeerQueue, QueueSettings } from './balance/queue.ts';
import { UpstreamBreaker } from './breaker.ts';
import { compileSession, type SessionParts } from './compile-session.ts';
import { HedgeClock } from './hedge-clock.ts';
import type { KeptParts } from './kept.ts';
import type { PeerRegistry } from './peers.ts';
import type { Queues } from './queues.ts';
import { StickyBalancer } from './session/sticky-balancer.ts';
import type { TransportRegistry, Transports } from './transports.ts';

/** What outlives a snapshot and is shared by the next, as far as upstreams need it. */
export interface UpstreamParts {
  readonly peers: PeerRegistry;
  readonly transports: TransportRegistry;
  readonly queues: Queues;
  readonly sessions: SessionParts;
  readonly kept: KeptParts;
  /** This worker's slot; balancers start at different places in different workers. */
  readonly slot: number;
}

/** What the routes to one upstream have in common. */
export interface CompiledUpstream {
  readonly config: UpstreamConfig;
  /** In the order of the configuration. */
  readonly peers: readonly PeerConfig[];
  /** Null when clients need not stay where they are. */
  readonly session: Session | null;
  readonly balancer: Balancer;
  readonly transports: Transports;
  /** Null when no peer can be full. */
  readonly queue: PeerQueue | null;
  readonly breaker: Breaker | null;
  readonly hedging: Hedging | null;
}

/** Compiles the upstream `name`; throws when its transport can't be made. */
export function compileUpstream(
  name: string,
  config: UpstreamConfig,
  whole: { readonly parts: UpstreamParts; readonly config: Config },
): CompiledUpstream {
  const { parts } = whole;
  const peers = config.peers.map(({ url, weight, connectionsMax, priority, zone }) => {
    return { peer: parts.peers.peerAt(name, url), weight, connectionsMax, priority, zone };
  });
  const balancer = createBalancer({
    algorithm: config.balancer,
    table: config.hash.table,
    key: parseHashKey(config.hash.key),
    peers,
    zone: whole.config.zone,
    panicPercent: config.panicPercent,
    turnsAhead: parts.slot,
    random: Math.random,
    nowMs: () => performance.now(),
  });
  const live = peers.map(({ peer }) => peer);
  const session = compileSession(name, config.sticky, { parts: parts.sessions, peers: live });
  const first = live[0];
  const canBeFull = peers.some(({ connectionsMax }) => connectionsMax > 0);
  const settings = queueSettings(config, peers, whole.config.cores);
  return {
    config,
    peers,
    session,
    balancer: session === null ? balancer : new StickyBalancer(balancer, peers),
    transports: parts.transports.transportsFor(name, live, config, whole.config),
    queue: first !== undefined && canBeFull ? parts.queues.queueOf(first.group, settings) : null,
    breaker: first === undefined ? null : compileBreaker(config, first.group),
    hedging: compileHedging(name, config, parts.kept),
  };
}

function compileBreaker({ breaker }: UpstreamConfig, { guard }: PeerGroup): Breaker | null {
  return breaker.enabled ? new UpstreamBreaker(guard, breaker.rampMs, Math.random) : null;
}

/**
 * Not where clients stay with their peers: they would be taken to another one. What it learned lasts while
 * its settings do.
 */
export function compileHedging(
  name: string,
  { hedge, retry, sticky }: Pick<UpstreamConfig, 'hedge' | 'retry' | 'sticky'>,
  kept: KeptParts,
): Hedging | null {
  if (!hedge.enabled || sticky.by !== 'off') return null;
  const budget = { budgetRatio: retry.budgetPercent / 100, budgetMin: retry.budgetMin };
  const options = { ...hedge, budget };
  return kept.get(`hedge:${JSON.stringify([name, options])}`, () => new HedgeClock(options));
}

/** Returns the bounds of an upstream's queue; that of places is this worker's share. */
export function queueSettings(
  { pendingMax, pendingTimeoutMs }: UpstreamConfig,
  peers: readonly PeerConfig[],
  workers: number,
): QueueSettings {
  return { peers, pendingMax: Math.ceil(pendingMax / workers), pendingTimeoutMs };
}

/** Returns how attempts at an upstream are repeated; null for never. */
export function retryPolicy({ retry }: UpstreamConfig): RetryPolicy | null {
  if (retry.retriesMax === 0) return null;
  return {
    retriesMax: retry.retriesMax,
    backoffBaseMs: retry.backoffBaseMs,
    backoffMaxMs: retry.backoffMaxMs,
    budgetRatio: retry.budgetPercent / 100,
    budgetMin: retry.budgetMin,
  };
}
