// Compiles one route of a configuration into the plans of its upstreams.

import type { RouteConfig, UpstreamConfig } from '../config/schema.ts';
import type { RequestFilter, ResponseStage } from '../core/filter.ts';
import type { Mirror, Plan, RequestHeadPolicy } from '../core/plan.ts';
import { parseHashKey } from './balance/hash-key.ts';
import { WeightedSplit } from './balance/split.ts';
import { withCache } from './compile-cache.ts';
import { compileErrorPages } from './compile-error-pages.ts';
import { compileFilters } from './compile-filters.ts';
import { compileHandler, compilePlugins } from './compile-plugins.ts';
import { compileAnswerEdits, compileRequestEdits } from './compile-rewrite.ts';
import { compileClientStages, compilePeerStages } from './compile-stages.ts';
import { retryPolicy } from './compile-upstream.ts';
import type { PagesByStatus } from './filter/answer/error-pages.ts';
import type { RouteContext } from './route-context.ts';

/** What the plans of one route have in common. */
interface PlanContext extends RouteContext {
  readonly mirror: Mirror | null;
  readonly filters: readonly RequestFilter[] | null;
  readonly peerStages: readonly ResponseStage[] | null;
  readonly clientStages: readonly ResponseStage[] | null;
  readonly errorPages: PagesByStatus | null;
}

/** Stands where nobody is asked: filters answer before. */
const NOBODY = { pick: () => null, send() {} };

/** Returns the plan of a route; throws when an upstream is missing. */
export function compileRoute(route: RouteConfig, context: RouteContext): Plan {
  const errorPages = compileErrorPages(route.errorPages, context);
  // By upstream, for plugins to choose from.
  const plans = new Map<string, Plan>();
  const plugins = compilePlugins(route, context, plans);
  const parts: PlanContext = {
    ...context,
    errorPages,
    mirror: compileMirror(route, context),
    filters: compileFilters(route, context, plugins),
    peerStages: compilePeerStages(route, context),
    clientStages: compileClientStages(route, context, errorPages, plugins),
  };
  const shares = route.to.map(({ upstream, weight }) => ({
    weight,
    plan: compilePlan(route, upstream, parts),
  }));
  if (shares.length === 0) return answeringPlan(route, parts);
  for (const [at, { upstream }] of route.to.entries()) plans.set(upstream, shares[at]!.plan);
  const first = shares[0]!.plan;
  if (shares.length === 1) return first;
  const key = route.splitBy === 'random' ? null : parseHashKey(route.splitBy);
  return Object.freeze({ ...first, split: new WeightedSplit(shares, key, Math.random) });
}

function compileMirror(route: RouteConfig, context: RouteContext): Mirror | null {
  if (route.mirror === null) return null;
  const { to, percent } = route.mirror;
  const nothing = {
    mirror: null,
    filters: null,
    peerStages: null,
    clientStages: null,
    errorPages: null,
  };
  const live = compilePlan(route, to, { ...context, ...nothing });
  return {
    plan: Object.freeze({
      ...live,
      session: null,
      cache: null,
      retry: null,
      queue: null,
      breaker: null,
      hedging: null,
    }),
    ratio: percent / 100,
  };
}

function compilePlan(route: RouteConfig, name: string, context: PlanContext): Plan {
  const upstream = context.upstreams.get(name);
  if (upstream === undefined) throw new Error(`route ${route.name}: no upstream ${name}`);
  const { http, tunnel } = upstream.transports;
  const plan: Plan = {
    ...commonParts(route, context),
    session: upstream.session,
    balancer: upstream.balancer,
    queue: upstream.queue,
    samplesLatency: upstream.config.balancer === 'ewma' || upstream.hedging !== null,
    upstream: http,
    tunnel,
    retry: retryPolicy(upstream.config),
    failingStatuses: failingStatuses(upstream.config),
    breaker: upstream.breaker,
    hedging: upstream.hedging,
    requestHead: requestHeadPolicy(upstream.config.hostHeader, route, context),
    cache: null,
  };
  return withCache(plan, route, name, context.cache);
}

/** The plan of a route that answers by itself: its last filter always does, or a handler. */
function answeringPlan(route: RouteConfig, context: PlanContext): Plan {
  const handler = compileHandler(route, context);
  const plan: Plan = {
    ...commonParts(route, context),
    session: null,
    balancer: NOBODY,
    queue: null,
    samplesLatency: false,
    upstream: NOBODY,
    tunnel: NOBODY,
    ...handler,
    retry: null,
    failingStatuses: null,
    breaker: null,
    hedging: null,
    requestHead: requestHeadPolicy('client', route, context),
    cache: null,
  };
  if (route.handler === null) return Object.freeze(plan);
  return withCache(plan, route, `plugin ${route.handler.name}`, context.cache);
}

/** What a plan has whatever its upstream. */
function commonParts(route: RouteConfig, context: PlanContext) {
  const { mirror, filters, peerStages, clientStages, errorPages, responseHead } = context;
  return {
    route: route.name,
    routeIndex: context.routeIndexOf(route.name),
    filters,
    split: null,
    priority: route.priority,
    mirror,
    peerStages,
    clientStages,
    errorPages,
    answerEdits: compileAnswerEdits(route),
    responseHead,
    requestBodyBytesMax: route.requestBodyBytesMax,
  };
}

function requestHeadPolicy(
  hostHeader: UpstreamConfig['hostHeader'],
  route: RouteConfig,
  { config, trust }: RouteContext,
): RequestHeadPolicy {
  const isChoice = hostHeader === 'client' || hostHeader === 'peer';
  return {
    hostHeader: isChoice ? hostHeader : { literal: hostHeader },
    trust,
    forwarded: config.headers.forwarded,
    via: config.headers.via,
    edits: compileRequestEdits(route),
  };
}

function failingStatuses({ retry }: UpstreamConfig): ReadonlySet<number> | null {
  return retry.statuses.length === 0 ? null : new Set(retry.statuses);
}
