// One worker's metrics as plain data: taken in the worker, sent to the sidecar, added up there.

import { HeadTimes, type PackedTimes } from '../core/head-times.ts';
import { limits } from '../core/limits.ts';
import type { Peer } from '../core/peer.ts';
import { CACHE_COLUMNS } from './cache-numbers.ts';
import { type CompressionReadings, NO_COMPRESSION_READINGS } from './compression-readings.ts';
import { LatencyHistogram, type PackedLatency } from './latency.ts';
import { type Metrics, STATUS_CLASSES } from './metrics.ts';
import { mergePlugins, type PluginSample } from './plugin-numbers.ts';
import type { ProcessSample } from './process-sample.ts';
import { isSnapshot } from './snapshot-shape.ts';

export interface RouteSample {
  readonly route: string;
  /** By STATUS_CLASSES. */
  readonly requests: readonly number[];
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly latency: PackedLatency;
  readonly latencySumSeconds: number;
  /** Columns of cache-numbers; empty when the route never cached. */
  readonly cache: readonly number[];
}

export interface PeerSample {
  /** As core Peer: upstream name, slash, URL. */
  readonly id: string;
  readonly upstream: string;
  readonly inFlight: number;
  readonly attempts: number;
  readonly failures: number;
  readonly healthy: boolean;
  readonly headTimes: PackedTimes;
  readonly headTimesSumMs: number;
}

/** Numbers that others in the worker keep and the snapshot only reads. */
export interface WorkerReadings extends CompressionReadings {
  /** Exchanges, client connections and WebSockets open now. */
  readonly exchangesOpen: number;
  readonly connectionsOpen: number;
  readonly webSocketsOpen: number;
  /** Exchanges that wait because all their peers are full. */
  readonly exchangesWaiting: number;
  /** 1 while the worker refuses requests because it has more work than time. */
  readonly overloaded: number;
  /** Since the worker started. */
  readonly connections: number;
  /** Of these closed at once, because their clients had as many as they may. */
  readonly connectionsRefused: number;
  /** Requests refused by overload control. */
  readonly overloadRefused: number;
  readonly retries: number;
  /** Second attempts beside slow ones, and those of them that answered first. */
  readonly hedges: number;
  readonly hedgesWon: number;
  /** Requests copied to shadow upstreams, and those that were not. */
  readonly mirrored: number;
  readonly mirrorsDropped: number;
  /** Bodies of which only the beginning was looked over for attacks. */
  readonly bodiesCut: number;
  readonly logLinesDropped: number;
  readonly eventsDropped: number;
  readonly framesMalformed: number;
  /** 1 while the worker has no link to the sidecar. */
  readonly linkDegraded: number;
  /** Certificates of listeners that are near their end, and when the first of all ends (Unix time in s). */
  readonly certificatesExpiring: number;
  readonly certificateExpiresAtS: number;
}

export interface MetricsSnapshot {
  readonly process: ProcessSample;
  readonly routes: readonly RouteSample[];
  readonly failures: Readonly<Record<string, number>>;
  readonly peers: readonly PeerSample[];
  readonly plugins: readonly PluginSample[];
  readonly readings: WorkerReadings;
}

/** Names of the readings that fall again; all others only grow. */
export const GAUGE_READINGS: ReadonlySet<keyof WorkerReadings> = new Set([
  'exchangesOpen',
  'connectionsOpen',
  'webSocketsOpen',
  'exchangesWaiting',
  'overloaded',
  'linkDegraded',
  'certificatesExpiring',
  'certificateExpiresAtS',
]);

export const NO_READINGS: WorkerReadings = {
  ...NO_COMPRESSION_READINGS,
  exchangesOpen: 0,
  connectionsOpen: 0,
  webSocketsOpen: 0,
  exchangesWaiting: 0,
  overloaded: 0,
  overloadRefused: 0,
  connections: 0,
  connectionsRefused: 0,
  retries: 0,
  hedges: 0,
  hedgesWon: 0,
  mirrored: 0,
  mirrorsDropped: 0,
  bodiesCut: 0,
  logLinesDropped: 0,
  eventsDropped: 0,
  framesMalformed: 0,
  linkDegraded: 0,
  certificatesExpiring: 0,
  certificateExpiresAtS: 0,
};

export interface SnapshotSources {
  readonly metrics: Metrics;
  readonly process: ProcessSample;
  readonly peers: Iterable<Peer>;
  readonly readings: WorkerReadings;
  /** Left out: there are none. */
  readonly plugins?: readonly PluginSample[];
}

/** Reads everything out at one moment; at most limits.measuredPeerCount peers. */
export function takeSnapshot(sources: SnapshotSources, isCoarse = false): MetricsSnapshot {
  const peers: PeerSample[] = [];
  for (const peer of sources.peers) {
    if (peers.length === limits.measuredPeerCount) break;
    const { id, upstream, inFlight, attempts, failures, healthy } = peer;
    const headTimes = peer.headTimes.pack(isCoarse);
    const headTimesSumMs = peer.headTimes.sumMs;
    const numbers = { inFlight, attempts, failures, healthy, headTimes, headTimesSumMs };
    peers.push({ id, upstream, ...numbers });
  }
  const routes = sources.metrics.routes().map(({ latency, ...numbers }) => ({
    ...numbers,
    latency: (isCoarse ? latency?.packCoarsely() : latency?.pack()) ?? [],
    latencySumSeconds: latency?.sumSeconds ?? 0,
  }));
  return {
    process: sources.process,
    routes,
    failures: sources.metrics.failures(),
    peers,
    plugins: sources.plugins ?? [],
    readings: { ...NO_READINGS, ...sources.readings },
  };
}

/** Encodes a snapshot in at most `bytesMax`, with coarser latencies if need be; null when that fails too. */
export function encodeSnapshot(sources: SnapshotSources, bytesMax: number): Uint8Array | null {
  for (const isCoarse of [false, true]) {
    const bytes = Buffer.from(JSON.stringify(takeSnapshot(sources, isCoarse)), 'utf8');
    if (bytes.length <= bytesMax) return bytes;
  }
  return null;
}

/** Decodes what a worker encoded; null when it is something else. */
export function decodeSnapshot(bytes: Uint8Array): MetricsSnapshot | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return isSnapshot(value) ? (value as MetricsSnapshot) : null;
  } catch {
    return null;
  }
}

/** What several workers counted, together. */
export interface MergedMetrics {
  readonly routes: ReadonlyMap<string, MergedRoute>;
  readonly failures: ReadonlyMap<string, number>;
  /** By peer id; healthy when every worker thinks so. */
  readonly peers: ReadonlyMap<string, MergedPeer>;
  readonly plugins: readonly PluginSample[];
  readonly readings: WorkerReadings;
}

export interface MergedPeer {
  readonly upstream: string;
  inFlight: number;
  attempts: number;
  failures: number;
  healthy: boolean;
  readonly headTimes: HeadTimes;
}

export interface MergedRoute {
  readonly requests: number[];
  bytesReceived: number;
  bytesSent: number;
  readonly latency: LatencyHistogram;
  readonly cache: number[];
}

/** Adds up the snapshots of all workers. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): MergedMetrics {
  const routes = new Map<string, MergedRoute>();
  const failures = new Map<string, number>();
  const peers = new Map<string, MergedPeer>();
  const readings: Record<string, number> = { ...NO_READINGS };
  for (const snapshot of snapshots) {
    for (const sample of snapshot.routes) addRoute(routes, sample);
    for (const [code, count] of Object.entries(snapshot.failures)) {
      failures.set(code, (failures.get(code) ?? 0) + count);
    }
    for (const sample of snapshot.peers) addPeer(peers, sample);
    for (const name of Object.keys(NO_READINGS) as (keyof WorkerReadings)[]) {
      readings[name]! += snapshot.readings[name] ?? 0;
    }
  }
  const plugins = mergePlugins(snapshots.flatMap((snapshot) => snapshot.plugins));
  return { routes, failures, peers, plugins, readings: readings as unknown as WorkerReadings };
}

/**
 * Returns what stays true of a worker that is gone: its counters without its gauges. Who keeps the sum of
 * these (one snapshot, by foldSnapshots) shows counters that don't fall when a worker dies.
 */
export function retiredSnapshot(snapshot: MetricsSnapshot): MetricsSnapshot {
  const readings: Record<string, number> = { ...snapshot.readings };
  for (const name of GAUGE_READINGS) readings[name] = 0;
  return {
    ...snapshot,
    peers: snapshot.peers.map((peer) => ({ ...peer, inFlight: 0, healthy: true })),
    readings: readings as unknown as WorkerReadings,
  };
}

/** Folds snapshots into one, bounded like a single one; `process` is that of the first. */
export function foldSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot | null {
  const first = snapshots[0];
  if (first === undefined) return null;
  const merged = mergeSnapshots(snapshots);
  const routes = [...merged.routes].slice(0, limits.measuredRouteCount);
  return {
    process: first.process,
    routes: routes.map(([route, { latency, ...numbers }]) => ({
      route,
      ...numbers,
      latency: latency.pack(),
      latencySumSeconds: latency.sumSeconds,
    })),
    failures: Object.fromEntries(merged.failures),
    peers: [...merged.peers].slice(0, limits.measuredPeerCount).map(([id, peer]) => ({
      id,
      ...peer,
      headTimes: peer.headTimes.pack(),
      headTimesSumMs: peer.headTimes.sumMs,
    })),
    plugins: merged.plugins,
    readings: merged.readings,
  };
}

function addRoute(routes: Map<string, MergedRoute>, sample: RouteSample): void {
  let sum = routes.get(sample.route);
  if (sum === undefined) {
    sum = {
      requests: STATUS_CLASSES.map(() => 0),
      bytesReceived: 0,
      bytesSent: 0,
      latency: new LatencyHistogram(),
      cache: [],
    };
    routes.set(sample.route, sum);
  }
  for (const [column, count] of sample.requests.entries()) {
    if (column < sum.requests.length) sum.requests[column]! += count;
  }
  sum.bytesReceived += sample.bytesReceived;
  sum.bytesSent += sample.bytesSent;
  for (const [column, count] of sample.cache.slice(0, CACHE_COLUMNS).entries()) {
    sum.cache[column] = (sum.cache[column] ?? 0) + count;
  }
  sum.latency.addPacked(sample.latency, sample.latencySumSeconds);
}

function addPeer(peers: Map<string, MergedPeer>, sample: PeerSample): void {
  const { id, upstream } = sample;
  let sum = peers.get(id);
  if (sum === undefined) {
    const headTimes = new HeadTimes();
    sum = { upstream, inFlight: 0, attempts: 0, failures: 0, healthy: true, headTimes };
    peers.set(id, sum);
  }
  sum.inFlight += sample.inFlight;
  sum.attempts += sample.attempts;
  sum.failures += sample.failures;
  sum.healthy &&= sample.healthy;
  sum.headTimes.addPacked(sample.headTimes, sample.headTimesSumMs);
}
