// Metrics in the text format of Prometheus, version 0.0.4. Labels come from the configuration only, never
// from requests, so that clients can't make series.

import { addCaches } from './cache-numbers.ts';
import { addCompression } from './compression-readings.ts';
import { BUCKET_BOUNDS_SECONDS } from './latency.ts';
import { STATUS_CLASSES } from './metrics.ts';
import type { MergedMetrics, MergedPeer } from './metrics-snapshot.ts';
import { addPlugins } from './plugin-numbers.ts';
import type { ProcessSample } from './process-sample.ts';

/** Content-Type of the text. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
interface LabelledPeer {
  readonly sample: MergedPeer;
  readonly labels: Labels;
}
type Sample = readonly [labels: Labels, value: number];

/** Renders the metrics of all workers together, and each process by itself. */
export function prometheusText(merged: MergedMetrics, processes: readonly ProcessSample[]): string {
  const text = new MetricsText();
  addTraffic(text, merged);
  addLatency(text, merged);
  addCaches(text, merged.routes);
  addPeers(text, merged);
  addPlugins(text, merged.plugins);
  addReadings(text, merged);
  addCompression(text, merged.readings);
  addProcesses(text, processes);
  return text.toString();
}

function addTraffic(text: MetricsText, merged: MergedMetrics): void {
  const requests: Sample[] = [];
  const received: Sample[] = [];
  const sent: Sample[] = [];
  for (const [route, numbers] of merged.routes) {
    for (const [column, count] of numbers.requests.entries()) {
      if (count > 0) requests.push([{ route, status: STATUS_CLASSES[column] ?? 'none' }, count]);
    }
    received.push([{ route }, numbers.bytesReceived]);
    sent.push([{ route }, numbers.bytesSent]);
  }
  text.add('requests_total', 'counter', 'Finished exchanges by route and status class.', requests);
  text.add('request_body_bytes_total', 'counter', 'Body bytes received from clients.', received);
  text.add('response_body_bytes_total', 'counter', 'Body bytes sent to clients.', sent);
  const failures = [...merged.failures].map(([code, count]): Sample => [{ code }, count]);
  text.add('failures_total', 'counter', 'Exchanges that failed, by reason.', failures);
}

function addLatency(text: MetricsText, merged: MergedMetrics): void {
  const buckets: Sample[] = [];
  const sums: Sample[] = [];
  const counts: Sample[] = [];
  for (const [route, { latency }] of merged.routes) {
    for (const [at, count] of latency.cumulativeCounts().entries()) {
      buckets.push([{ route, le: String(BUCKET_BOUNDS_SECONDS[at]) }, count]);
    }
    buckets.push([{ route, le: '+Inf' }, latency.count]);
    sums.push([{ route }, latency.sumSeconds]);
    counts.push([{ route }, latency.count]);
  }
  text.head('request_duration_seconds', 'histogram', 'From request head to end of response.');
  text.samples('request_duration_seconds_bucket', buckets);
  text.samples('request_duration_seconds_sum', sums);
  text.samples('request_duration_seconds_count', counts);
}

function addPeers(text: MetricsText, merged: MergedMetrics): void {
  const peers = [...merged.peers].map(([id, sample]) => ({
    sample,
    labels: { upstream: sample.upstream, peer: id.slice(sample.upstream.length + 1) },
  }));
  const each = (read: (sample: (typeof peers)[number]['sample']) => number) =>
    peers.map(({ sample, labels }): Sample => [labels, read(sample)]);
  const inFlight = each((peer) => peer.inFlight);
  const attempts = each((peer) => peer.attempts);
  const failures = each((peer) => peer.failures);
  const healthy = each((peer) => (peer.healthy ? 1 : 0));
  text.add('peer_attempts_in_flight', 'gauge', 'Attempts that run now.', inFlight);
  text.add('peer_attempts_total', 'counter', 'Attempts begun.', attempts);
  text.add('peer_failures_total', 'counter', "Attempts failed by the peer's fault.", failures);
  text.add('peer_healthy', 'gauge', '1 when every worker holds the peer for healthy.', healthy);
  addHeadTimes(text, peers);
}

/** Quantiles and no buckets: a peer has five lines, not twenty. */
function addHeadTimes(text: MetricsText, peers: readonly LabelledPeer[]): void {
  const used = peers.filter(({ sample }) => sample.headTimes.sumMs > 0);
  if (used.length === 0) return;
  const quantiles = used.flatMap(({ sample: { headTimes }, labels }) =>
    ['0.5', '0.9', '0.99'].map((quantile): Sample => {
      return [{ ...labels, quantile }, headTimes.quantileMs(Number(quantile)) / 1000];
    }),
  );
  const sums = used.map(({ sample, labels }): Sample => [labels, sample.headTimes.sumMs / 1000]);
  const counts = used.map(({ sample, labels }): Sample => [labels, sample.headTimes.count]);
  const name = 'peer_response_head_seconds';
  text.head(name, 'summary', 'From attempt to response head, since the workers started.');
  text.samples(name, quantiles);
  text.samples(`${name}_sum`, sums);
  text.samples(`${name}_count`, counts);
}

function addReadings(text: MetricsText, { readings }: MergedMetrics): void {
  const one = (value: number): Sample[] => [[{}, value]];
  text.add('exchanges_open', 'gauge', 'Exchanges in flight.', one(readings.exchangesOpen));
  text.add('connections_open', 'gauge', 'Client connections.', one(readings.connectionsOpen));
  text.add('websockets_open', 'gauge', 'Open WebSockets.', one(readings.webSocketsOpen));
  text.add('connections_total', 'counter', 'Connections accepted.', one(readings.connections));
  const many = one(readings.connectionsRefused);
  text.add('connections_refused_total', 'counter', 'One too many of a client.', many);
  text.add('retries_total', 'counter', 'Attempts after the first.', one(readings.retries));
  text.add('hedges_total', 'counter', 'Attempts beside slow ones.', one(readings.hedges));
  const hedgesWon = one(readings.hedgesWon);
  text.add('hedges_won_total', 'counter', 'Such attempts that answered first.', hedgesWon);
  const waiting = one(readings.exchangesWaiting);
  text.add('exchanges_waiting', 'gauge', 'Exchanges whose peers are all full.', waiting);
  const overloaded = one(readings.overloaded);
  text.add('workers_overloaded', 'gauge', 'Workers that refuse requests now.', overloaded);
  const refused = one(readings.overloadRefused);
  text.add('overload_refused_total', 'counter', 'Requests refused by overload control.', refused);
  text.add('mirrored_total', 'counter', 'Requests copied to shadows.', one(readings.mirrored));
  const notMirrored = one(readings.mirrorsDropped);
  text.add('mirrors_dropped_total', 'counter', 'Requests that were not copied.', notMirrored);
  const cut = one(readings.bodiesCut);
  text.add('bodies_inspected_in_part_total', 'counter', 'Bodies longer than was looked at.', cut);
  const dropped = one(readings.logLinesDropped);
  text.add('log_lines_dropped_total', 'counter', 'Access log lines given up.', dropped);
  const events = one(readings.eventsDropped);
  text.add('events_dropped_total', 'counter', 'Event lines given up.', events);
  const malformed = one(readings.framesMalformed);
  text.add('link_malformed_frames_total', 'counter', 'Bad frames from the sidecar.', malformed);
  const degraded = one(readings.linkDegraded);
  text.add('workers_degraded', 'gauge', 'Workers without the sidecar.', degraded);
  // Without TLS there is nothing to tell.
  if (readings.certificateExpiresAtS === 0) return;
  const expiring = one(readings.certificatesExpiring);
  text.add('certificates_expiring', 'gauge', 'Certificates near their end.', expiring);
  const expires = one(readings.certificateExpiresAtS);
  const name = 'certificate_expires_timestamp_seconds';
  text.add(name, 'gauge', 'When the first certificate ends.', expires);
}

function addProcesses(text: MetricsText, processes: readonly ProcessSample[]): void {
  const each = (read: (sample: ProcessSample) => number) =>
    processes.map((sample): Sample => [processLabels(sample), read(sample)]);
  const rows: readonly [name: string, help: string, read: (sample: ProcessSample) => number][] = [
    ['process_resident_memory_bytes', 'Resident memory.', (one) => one.residentBytes],
    ['process_heap_used_bytes', 'Heap of JavaScript in use.', (one) => one.heapUsedBytes],
    ['process_external_memory_bytes', 'Buffers outside the heap.', (one) => one.externalBytes],
    ['process_uptime_seconds', 'Age of the process.', (one) => one.uptimeSeconds],
    ['process_event_loop_utilization', 'Busy share, 0 to 1.', (one) => one.loopUtilization],
  ];
  for (const [name, help, read] of rows) text.add(name, 'gauge', help, each(read));
  const cpu = each((sample) => sample.cpuSeconds);
  text.add('process_cpu_seconds_total', 'counter', 'User and system time.', cpu);
  const delays = processes.flatMap((sample): Sample[] => {
    const labels = processLabels(sample);
    return [
      [{ ...labels, quantile: '0.5' }, sample.loopDelayP50Seconds],
      [{ ...labels, quantile: '0.99' }, sample.loopDelayP99Seconds],
      [{ ...labels, quantile: '1' }, sample.loopDelayMaxSeconds],
    ];
  });
  text.add('process_event_loop_delay_seconds', 'gauge', 'Lateness since the last scrape.', delays);
}

function processLabels(sample: ProcessSample): Labels {
  return sample.worker === null
    ? { role: sample.role }
    : { role: sample.role, worker: String(sample.worker) };
}

/** Collects families in order; a family without samples is left out. */
class MetricsText {
  readonly #lines: string[] = [];

  add(name: string, type: string, help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.head(name, type, help);
    this.samples(name, samples);
  }

  head(name: string, type: string, help: string): void {
    this.#lines.push(`# HELP sluice_${name} ${help}`, `# TYPE sluice_${name} ${type}`);
  }

  samples(name: string, samples: readonly Sample[]): void {
    for (const [labels, value] of samples) {
      this.#lines.push(`sluice_${name}${labelText(labels)} ${value}`);
    }
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Escapes as the format demands: backslash, quote and line feed. */
function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
