// Compiles one route of a configuration into the plans of its upstreams.

import type { Config, RouteConfig, UpstreamConfig } from '../config/schema.ts';
import type {
  Mirror,
  Plan,
  RequestHeadPolicy,
  ResponseHeadPolicy,
  RetryPolicy,
  TrustPolicy,
} from '../core/plan.ts';
import { parseHashKey } from './balance/hash-key.ts';
import { WeightedSplit } from './balance/split.ts';
import type { CompiledUpstream } from './compile-upstream.ts';

/** What all routes of a configuration have in common. */
export interface RouteContext {
  readonly config: Config;
  readonly upstreams: ReadonlyMap<string, CompiledUpstream>;
  readonly trust: TrustPolicy;
  readonly responseHead: ResponseHeadPolicy;
  /** Index of a route in the metrics tables, stable per name. */
  readonly routeIndexOf: (route: string) => number;
}

/** Returns the plan of a route; throws when an upstream is missing. */
export function compileRoute(route: RouteConfig, context: RouteContext): Plan {
  const mirror = compileMirror(route, context);
  const shares = route.to.map(({ upstream, weight }) => ({
    weight,
    plan: compilePlan(route, upstream, { ...context, mirror }),
  }));
  const first = shares[0]!.plan;
  if (shares.length === 1) return first;
  const key = route.splitBy === 'random' ? null : parseHashKey(route.splitBy);
  return Object.freeze({ ...first, split: new WeightedSplit(shares, key, Math.random) });
}

function compileMirror(route: RouteConfig, context: RouteContext): Mirror | null {
  if (route.mirror === null) return null;
  const { to, percent } = route.mirror;
  const live = compilePlan(route, to, { ...context, mirror: null });
  return {
    plan: Object.freeze({
      ...live,
      session: null,
      retry: null,
      queue: null,
      breaker: null,
      hedging: null,
    }),
    ratio: percent / 100,
  };
}

function compilePlan(
  route: RouteConfig,
  name: string,
  context: RouteContext & { readonly mirror: Mirror | null },
): Plan {
  const upstream = context.upstreams.get(name);
  if (upstream === undefined) throw new Error(`route ${route.name}: no upstream ${name}`);
  const { http, tunnel } = upstream.transports;
  return Object.freeze({
    route: route.name,
    routeIndex: context.routeIndexOf(route.name),
    filters: null,
    split: null,
    session: upstream.session,
    balancer: upstream.balancer,
    queue: upstream.queue,
    priority: route.priority,
    samplesLatency: upstream.config.balancer === 'ewma' || upstream.hedging !== null,
    mirror: context.mirror,
    upstream: http,
    tunnel,
    retry: retryPolicy(upstream.config),
    breaker: upstream.breaker,
    hedging: upstream.hedging,
    requestHead: requestHeadPolicy(upstream.config, context),
    peerStages: null,
    clientStages: null,
    responseHead: context.responseHead,
    requestBodyBytesMax: route.requestBodyBytesMax,
  });
}

function requestHeadPolicy(
  { hostHeader }: UpstreamConfig,
  { config, trust }: RouteContext,
): RequestHeadPolicy {
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
