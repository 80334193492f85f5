// Compiles a configuration into what workers run by: a router full of frozen plans. Nothing here happens
// at request time.

import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import type { Offload } from '../core/offload.ts';
import type { Peer } from '../core/peer.ts';
import type { ErrorPages, Plan } from '../core/plan.ts';
import { type GeoLookup, NOWHERE } from '../routing/asked.ts';
import { Router } from '../routing/router.ts';
import type { TargetPolicy } from '../routing/target-policy.ts';
import type { Caches } from './caches.ts';
import { compileErrorPages } from './compile-error-pages.ts';
import { compileRoute } from './compile-route.ts';
import { type CompiledUpstream, compileUpstream, type UpstreamParts } from './compile-upstream.ts';
import type { Compression } from './compress/compression.ts';
import type { GuardCounters } from './filter/guard/attack-filter.ts';
import { Trust } from './filter/trust.ts';
import { GeoFiles } from './geo/geo-files.ts';
import { JsonBodies } from './json-bodies.ts';
import type { OwnExchanges } from './own-exchanges.ts';
import type { PluginUnit } from './plugin/plugin-unit.ts';
import { createProofTokens, type ProofTokens } from './proof-tokens.ts';
import type { RateLimitParts } from './route-context.ts';

/** One configuration, compiled. Immutable; exchanges keep the plans of the one they started under. */
export interface Snapshot {
  readonly version: number;
  readonly config: Config;
  readonly router: Router<Plan>;
  /** Null when no route asks for what a body says. */
  readonly jsonBodies: JsonBodies | null;
  /** For requests that no route takes; null for none. */
  readonly errorPages: ErrorPages | null;
  readonly targetPolicy: TargetPolicy;
  /** Null when no authority will ask for any. */
  readonly proofTokens: ProofTokens | null;
  readonly trust: Trust;
  readonly upstreams: readonly CompiledUpstream[];
  /** Every peer that the configuration names. */
  readonly peers: readonly Peer[];
}

/** What outlives a snapshot and is shared by the next. */
export interface SnapshotParts extends UpstreamParts {
  /** Index of a route in the metrics tables, stable per name. */
  readonly routeIndexOf: (route: string) => number;
  readonly events: Events;
  readonly offload: Offload;
  readonly compression: Compression;
  readonly caches: Caches;
  readonly rateLimits: RateLimitParts;
  readonly plugins: ReadonlyMap<string, PluginUnit>;
  readonly exchanges: OwnExchanges;
  readonly guard: GuardCounters;
}

/** Compiles `config`; throws only on a configuration that was never validated. */
export function compileSnapshot(config: Config, version: number, parts: SnapshotParts): Snapshot {
  const trust = new Trust(config.trustedProxies);
  const upstreams = new Map<string, CompiledUpstream>();
  for (const [name, upstream] of Object.entries(config.upstreams)) {
    upstreams.set(name, compileUpstream(name, upstream, { parts, config }));
  }
  const context = {
    config,
    upstreams,
    trust,
    responseHead: {
      remove: new Set(config.headers.removeFromResponse),
      via: config.headers.via,
    },
    routeIndexOf: parts.routeIndexOf,
    kept: parts.kept,
    events: parts.events,
    offload: parts.offload,
    compression: parts.compression,
    rateLimits: parts.rateLimits,
    plugins: parts.plugins,
    exchanges: parts.exchanges,
    guard: parts.guard,
    cache: parts.caches.hostFor(config, parts.kept),
  };
  const router = new Router<Plan>({ matchers: config.matchers, geo: geoOf(config, parts) });
  for (const route of config.routes) router.add(route.match, compileRoute(route, context));
  const all = [...upstreams.values()];
  const peers = all.flatMap((one) => one.peers.map(({ peer }) => peer));
  const jsonBodies = asksForJson(config) ? new JsonBodies(config.jsonBodies) : null;
  return {
    proofTokens: createProofTokens(config),
    ...{ version, config, router, jsonBodies, trust, upstreams: all, peers },
    errorPages: compileErrorPages(config.errorPages, context),
    targetPolicy: config.paths,
  };
}

function asksForJson({ routes, matchers }: Config): boolean {
  const matches = [...routes.map(({ match }) => match), ...Object.values(matchers)];
  return matches.some((match) =>
    [match, ...match.all, ...match.any, ...match.not].some(
      ({ json }) => Object.keys(json).length > 0,
    ),
  );
}

function geoOf({ geo: { files } }: Config, { kept, events }: SnapshotParts): GeoLookup {
  if (files.length === 0) return NOWHERE;
  return kept.get(`geo:${JSON.stringify(files)}`, () => new GeoFiles(files, events));
}
