// Compiles a configuration into what workers run by: a router full of frozen plans. Nothing here happens
// at request time.

import type { Config, RouteConfig, UpstreamConfig } from '../config/schema.ts';
import type { Balancer } from '../core/balancer.ts';
import type { Peer, PeerConfig } from '../core/peer.ts';
import type { Plan, RequestHeadPolicy, ResponseHeadPolicy, RetryPolicy } from '../core/plan.ts';
import { RoundRobin } from './balance/round-robin.ts';
import { Trust } from './filter/trust.ts';
import type { PeerRegistry } from './peers.ts';
import { Router } from './route/router.ts';
import type { TransportRegistry, Transports } from './transports.ts';

/** One configuration, compiled. Immutable; exchanges keep the plans of the one they started under. */
export interface Snapshot {
  readonly version: number;
  readonly config: Config;
  readonly router: Router;
  readonly trust: Trust;
  /** Every peer that the configuration names. */
  readonly peers: readonly Peer[];
}

/** What outlives a snapshot and is shared by the next. */
export interface SnapshotParts {
  readonly peers: PeerRegistry;
  readonly transports: TransportRegistry;
  /** Index of a route in the metrics tables, stable per name. */
  readonly routeIndexOf: (route: string) => number;
  /** This worker's slot; balancers start at different places in different workers. */
  readonly slot: number;
}

/** What the routes to one upstream have in common. */
interface CompiledUpstream {
  readonly config: UpstreamConfig;
  readonly peers: readonly PeerConfig[];
  readonly balancer: Balancer;
  readonly transports: Transports;
}

/** Compiles `config`; throws only on a configuration that was never validated. */
export function compileSnapshot(config: Config, version: number, parts: SnapshotParts): Snapshot {
  const trust = new Trust(config.trustedProxies);
  const responseHead: ResponseHeadPolicy = {
    remove: new Set(config.headers.removeFromResponse),
    via: config.headers.via,
  };
  const upstreams = new Map<string, CompiledUpstream>();
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    upstreams.set(name, compileUpstream(name, upstream, { parts, config }));
  }
  const router = new Router();
  for (const route of config.routes) {
    const target = route.to[0]?.upstream ?? '';
    const upstream = upstreams.get(target);
    if (upstream === undefined) throw new Error(`route ${route.name}: no upstream ${target}`);
    const requestHead = requestHeadPolicy(config, upstream.config, trust);
    router.add(route.match, compilePlan(route, upstream, { requestHead, responseHead, parts }));
  }
  const peers = [...upstreams.values()].flatMap((one) => one.peers.map(({ peer }) => peer));
  return { version, config, router, trust, peers };
}

function compileUpstream(
  name: string,
  config: UpstreamConfig,
  whole: { readonly parts: SnapshotParts; readonly config: Config },
): CompiledUpstream {
  const { parts } = whole;
  const peers = config.peers.map(({ url, weight, connectionsMax }) => ({
    peer: parts.peers.peerAt(name, url),
    weight,
    connectionsMax,
  }));
  const live = peers.map(({ peer }) => peer);
  return {
    config,
    peers,
    balancer: new RoundRobin(peers, parts.slot % Math.max(1, peers.length)),
    transports: parts.transports.transportsFor(name, live, config, whole.config),
  };
}

interface PlanContext {
  readonly requestHead: RequestHeadPolicy;
  readonly responseHead: ResponseHeadPolicy;
  readonly parts: SnapshotParts;
}

function compilePlan(route: RouteConfig, upstream: CompiledUpstream, context: PlanContext): Plan {
  const { requestHead, responseHead, parts } = context;
  const { http, tunnel } = upstream.transports;
  return Object.freeze({
    route: route.name,
    routeIndex: parts.routeIndexOf(route.name),
    filters: null,
    balancer: upstream.balancer,
    upstream: http,
    tunnel,
    retry: retryPolicy(upstream.config),
    requestHead,
    peerStages: null,
    clientStages: null,
    responseHead,
    requestBodyBytesMax: route.requestBodyBytesMax,
  });
}

function requestHeadPolicy(
  config: Config,
  upstream: UpstreamConfig,
  trust: Trust,
): RequestHeadPolicy {
  const { hostHeader } = upstream;
  const isChoice = hostHeader === 'client' || hostHeader === 'peer';
  return {
    hostHeader: isChoice ? hostHeader : { literal: hostHeader },
    trust,
    forwarded: config.headers.forwarded,
    via: config.headers.via,
  };
}

function retryPolicy({ retry }: UpstreamConfig): RetryPolicy | null {
  if (retry.retriesMax === 0) return null;
  return {
    retriesMax: retry.retriesMax,
    backoffBaseMs: retry.backoffBaseMs,
    backoffMaxMs: retry.backoffMaxMs,
    budgetRatio: retry.budgetPercent / 100,
    budgetMin: retry.budgetMin,
  };
}
