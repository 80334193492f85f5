// What a route does, compiled when a configuration is installed and frozen. A phase that the route does
// not use is null and costs one compare.

import type { Balancer } from './balancer.ts';
import type { CacheUse } from './cache.ts';
import type { ProxyError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { Reply, RequestFilter, ResponseStage } from './filter.ts';
import type { RawHeaders } from './headers.ts';
import type { Hedging } from './hedging.ts';
import type { Queue } from './queue.ts';
import type { Session } from './session.ts';
import type { Tunnel } from './tunnel.ts';
import type { Upstream } from './upstream.ts';

/** Compiled half of route matching and forwarding for one route of one configuration. */
export interface Plan {
  /** Stable route name for log and metrics. */
  readonly route: string;
  /** Index of the route in the metrics tables of its worker; stable per name. */
  readonly routeIndex: number;
  readonly filters: readonly RequestFilter[] | null;
  /** Several upstreams share the route: who gets this exchange; null for this plan itself. */
  readonly split: Split | null;
  /** What keeps clients on one peer. */
  readonly session: Session | null;
  readonly balancer: Balancer;
  /** Where to wait while all peers are full; null when they have no bound. */
  readonly queue: Queue | null;
  /** Higher goes first where exchanges wait. */
  readonly priority: number;
  /** The balancer or hedging goes by times to the response head. */
  readonly samplesLatency: boolean;
  readonly mirror: Mirror | null;
  readonly upstream: Upstream;
  /** Carries WebSockets. */
  readonly tunnel: Tunnel;
  readonly retry: RetryPolicy | null;
  /** Statuses of responses that count like failed attempts. */
  readonly failingStatuses: ReadonlySet<number> | null;
  /** Gives a failing upstream a rest. */
  readonly breaker: Breaker | null;
  /** Second attempts for exchanges that take long. */
  readonly hedging: Hedging | null;
  /** Answers what is stored; null where nothing is. */
  readonly cache: CacheUse | null;
  readonly requestHead: RequestHeadPolicy;
  /** Before the cache: what they change is stored. */
  readonly peerStages: readonly ResponseStage[] | null;
  /** After the cache: they run on hits too. */
  readonly clientStages: readonly ResponseStage[] | null;
  readonly responseHead: ResponseHeadPolicy;
  /** Largest request body in bytes, 0 for no limit. */
  readonly requestBodyBytesMax: number;
  /** In place of the proxy's own error pages; null for none. */
  readonly errorPages: ErrorPages | null;
  /** Changes to the fields of the proxy's own answers; null for none. */
  readonly answerEdits: HeaderEdits | null;
}

/** Pages of the operator in place of error responses. */
export interface ErrorPages {
  /** Returns the page in place of the proxy's own answer of that status, or null. */
  replyFor(exchange: Exchange, status: number): Reply | null;
}

/** Shares a route among plans that differ in their upstream. */
export interface Split {
  /** Never allocates. */
  choose(exchange: Exchange): Plan;
}

/** Copies exchanges to a shadow upstream. */
export interface Mirror {
  /** Plan of the shadow: never retries, waits or mirrors. */
  readonly plan: Plan;
  /** Share of the exchanges that are copied, 0–1. */
  readonly ratio: number;
}

/** The circuit breaker of an upstream. */
export interface Breaker {
  /** Returns why an exchange is to be refused now, or null. Never allocates while the breaker is closed. */
  refuse(): ProxyError | null;
}

/** How often and how fast an attempt is repeated; which failures allow it is in core/errors. */
export interface RetryPolicy {
  /** Further attempts after the first. */
  readonly retriesMax: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Share of active exchanges that may be retries, 0–1, and the number that always may. */
  readonly budgetRatio: number;
  readonly budgetMin: number;
}

/** Whose word about the client counts; implemented by worker/filter/trust. */
export interface TrustPolicy {
  readonly trustsAnybody: boolean;
  /** Whether `address` (canonical text) is one of the operator's own proxies. */
  has(address: string): boolean;
}

/** How the request head for the peer is made from the client's. */
export interface RequestHeadPolicy {
  /** `client`: Host as received; `peer`: the peer's own authority; else this literal. */
  readonly hostHeader: 'client' | 'peer' | { readonly literal: string };
  /** Which forwarding headers are sent; all known ones are removed from untrusted clients regardless. */
  readonly trust: TrustPolicy;
  readonly forwarded: 'x-forwarded' | 'rfc7239' | 'both' | 'off';
  /** Pseudonym sent in Via, or null for none (RFC 9110 section 7.6.3). */
  readonly via: string | null;
  /** What the operator changes in the fields for the peer; null for nothing. */
  readonly edits: HeaderEdits | null;
}

/** Changes to header fields that a configuration asks for. */
export interface HeaderEdits {
  /** Returns the changed fields; leaves `headers` alone. */
  apply(headers: RawHeaders, exchange: Exchange): RawHeaders;
}

/** What is removed from and added to the peer's response head. */
export interface ResponseHeadPolicy {
  /** Lower-case names removed from the peer's response, e.g. server, x-powered-by. */
  readonly remove: ReadonlySet<string>;
  readonly via: string | null;
}
