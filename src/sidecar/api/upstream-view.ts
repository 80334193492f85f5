// Upstreams and their peers as the admin API shows them: what is configured, and how they do now.

import { createHash } from 'node:crypto';
import { type LivePeer, originOfPeer, peersTag } from '../../config/live-peer.ts';
import type { Config, UpstreamConfig } from '../../config/schema.ts';
import type { HeadTimes } from '../../core/head-times.ts';
import { peerId } from '../../core/peer.ts';
import { LatencyHistogram } from '../../observe/latency.ts';
import type { MergedMetrics } from '../../observe/metrics-snapshot.ts';
import type { DnsState } from '../discovery/dns-watch.ts';
import type { SharedPeer, SharedUpstream } from '../shared-view.ts';

/** Everything that is looked at, at one moment. */
export interface Sight {
  readonly version: number;
  readonly config: Pick<Config, 'upstreams' | 'routes'>;
  readonly peers: readonly SharedPeer[];
  readonly upstreams: readonly SharedUpstream[];
  readonly metrics: MergedMetrics;
  readonly dnsStateOf: (upstream: string) => DnsState | null;
}

/** Returns the data of GET /api/upstreams. */
export function viewAll(sight: Sight) {
  const live = new Map(sight.peers.map((peer) => [peer.id, peer]));
  return {
    version: sight.version,
    upstreams: Object.entries(sight.config.upstreams).map(([name, upstream]) =>
      viewUpstream(sight, live, { name, upstream }),
    ),
  };
}

/** Returns the data of GET /api/upstreams/{name}; null when there is none of that name. */
export function viewOne(sight: Sight, name: string) {
  const { upstreams } = sight.config;
  const upstream = Object.hasOwn(upstreams, name) ? upstreams[name] : undefined;
  if (upstream === undefined) return null;
  const live = new Map(sight.peers.map((peer) => [peer.id, peer]));
  return viewUpstream(sight, live, { name, upstream });
}

/** Returns the entity tag of all upstreams together. */
export function tagOfAll(upstreams: Config['upstreams']): string {
  const tags = Object.entries(upstreams).map(([name, { peers }]) => [name, peersTag(peers)]);
  const hash = createHash('sha256').update(JSON.stringify(tags)).digest('hex');
  return `"${hash.slice(0, 24)}"`;
}

interface Named {
  readonly name: string;
  readonly upstream: UpstreamConfig;
}

function viewUpstream(
  sight: Sight,
  live: ReadonlyMap<string, SharedPeer>,
  { name, upstream }: Named,
) {
  const shared = sight.upstreams.find((one) => one.name === name);
  const peers = upstream.peers.map((peer) => viewPeer(sight, name, { peer, live }));
  const sum = (field: 'requestsPerSecond' | 'errorsPerSecond' | 'attempts' | 'failures') =>
    round(peers.reduce((total, peer) => total + peer[field], 0));
  return {
    name,
    balancer: upstream.balancer,
    etag: peersTag(upstream.peers),
    discovery: viewDiscovery(upstream, sight.dnsStateOf(name)),
    inFlight: shared?.inFlight ?? 0,
    retriesInFlight: shared?.retriesInFlight ?? 0,
    peersHealthy: peers.filter(({ health }) => health.isHealthy).length,
    requestsPerSecond: sum('requestsPerSecond'),
    errorsPerSecond: sum('errorsPerSecond'),
    attempts: sum('attempts'),
    failures: sum('failures'),
    latency: viewLatency(sight, name),
    breaker: {
      phase: shared?.breaker.phase ?? 'off',
      since: dateOrNull(shared?.breaker.sinceMs),
      opened: shared?.breaker.opened ?? 0,
    },
    peers,
  };
}

function viewPeer(
  { metrics }: Sight,
  upstream: string,
  { peer, live }: { readonly peer: LivePeer; readonly live: ReadonlyMap<string, SharedPeer> },
) {
  const { url, weight, priority, connectionsMax, zone, draining } = peer;
  const id = peerId(upstream, url);
  const now = live.get(id);
  const counted = metrics.peers.get(id);
  return {
    id,
    url,
    origin: originOfPeer(peer),
    weight,
    priority,
    connectionsMax,
    zone,
    draining,
    inFlight: now?.inFlight ?? 0,
    requestsPerSecond: now?.requestsPerSecond ?? 0,
    errorsPerSecond: now?.errorsPerSecond ?? 0,
    attempts: counted?.attempts ?? 0,
    failures: counted?.failures ?? 0,
    latency: viewHeadTimes(counted?.headTimes),
    health: viewHealth(now),
  };
}

/** To the response head; null before the first. */
function viewHeadTimes(times: HeadTimes | undefined) {
  if (times === undefined || times.count === 0) return null;
  const ms = (share: number) => round(times.quantileMs(share));
  return { p50Ms: ms(0.5), p90Ms: ms(0.9), p99Ms: ms(0.99) };
}

function viewHealth(now: SharedPeer | undefined) {
  return {
    isHealthy: now?.healthy ?? true,
    reason: now?.reason ?? '',
    since: dateOrNull(now?.sinceMs),
    failuresInRow: now?.failuresInRow ?? 0,
    timesEjected: now?.timesEjected ?? 0,
    ejectedForMs: now?.ejectedForMs ?? 0,
    check: {
      state: now?.check.state ?? 'off',
      at: dateOrNull(now?.check.atMs),
      why: now?.check.why ?? '',
    },
  };
}

function viewDiscovery({ discovery }: UpstreamConfig, state: DnsState | null) {
  return {
    dns: discovery.dns,
    file: discovery.file,
    dnsProblem: state?.problem ?? null,
    dnsAnsweredAt: dateOrNull(state?.answeredAtMs),
  };
}

/** Of the routes that lead nowhere else, since the workers started; null before their first exchange. */
function viewLatency({ config, metrics }: Sight, upstream: string) {
  const whole = new LatencyHistogram();
  for (const { name, to } of config.routes) {
    const route = metrics.routes.get(name);
    if (route === undefined || to.some((share) => share.upstream !== upstream)) continue;
    whole.addPacked(route.latency.pack(), route.latency.sumSeconds);
  }
  if (whole.count === 0) return null;
  const ms = (share: number) => round(whole.quantileSeconds(share) * 1000);
  return { p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99) };
}

function dateOrNull(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined || ms === 0 ? null : new Date(ms).toISOString();
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
