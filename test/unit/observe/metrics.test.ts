// Counting in workers, adding up over workers, and what Prometheus reads.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../../src/core/limits.ts';
import { LatencyHistogram } from '../../../src/observe/latency.ts';
import { Metrics, NO_ROUTE, OTHER_ROUTES } from '../../../src/observe/metrics.ts';
import {
  decodeSnapshot,
  encodeSnapshot,
  foldSnapshots,
  type MetricsSnapshot,
  mergeSnapshots,
  NO_READINGS,
  retiredSnapshot,
  type SnapshotSources,
  takeSnapshot,
} from '../../../src/observe/metrics-snapshot.ts';
import type { ProcessSample } from '../../../src/observe/process-sample.ts';
import { makePeers } from '../worker/support/exchanges.ts';
import { finishedExchange } from './finished-exchange.ts';

const PROCESS: ProcessSample = {
  role: 'worker',
  worker: 0,
  pid: 1,
  uptimeSeconds: 1,
  cpuSeconds: 1,
  residentBytes: 1,
  heapUsedBytes: 1,
  externalBytes: 1,
  loopDelayP50Seconds: 0,
  loopDelayP99Seconds: 0,
  loopDelayMaxSeconds: 0,
  loopUtilization: 0,
};

function sourcesOf(metrics: Metrics, parts: Partial<SnapshotSources> = {}): SnapshotSources {
  return { metrics, process: PROCESS, peers: [], readings: NO_READINGS, ...parts };
}

describe('LatencyHistogram', () => {
  it('keeps any duration within 1 %, and what is over an hour as an hour', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 3_600_000, noNaN: true }), (durationMs) => {
        const histogram = new LatencyHistogram();
        histogram.record(durationMs);
        const seconds = histogram.quantileSeconds(1);
        assert.ok(Math.abs(seconds - durationMs / 1000) <= 0.01 * (durationMs / 1000) + 1e-6);
      }),
    );
    const histogram = new LatencyHistogram();
    for (const durationMs of [1e12, -5, Number.NaN]) histogram.record(durationMs);
    assert.equal(histogram.count, 3);
    assert.ok(Math.abs(histogram.quantileSeconds(1) - 3600) < 36);
  });

  it('adds up to the same histogram in packed form', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true })), (durations) => {
        const whole = new LatencyHistogram();
        const parts = [new LatencyHistogram(), new LatencyHistogram()];
        for (const [at, durationMs] of durations.entries()) {
          whole.record(durationMs);
          parts[at % 2]!.record(durationMs);
        }
        const sum = new LatencyHistogram();
        for (const part of parts) assert.ok(sum.addPacked(part.pack(), part.sumSeconds));
        assert.deepEqual(sum.pack(), whole.pack());
        assert.deepEqual(sum.cumulativeCounts(), whole.cumulativeCounts());
        assert.ok(Math.abs(sum.sumSeconds - whole.sumSeconds) < 1e-6 * (1 + whole.sumSeconds));
      }),
    );
  });

  it('keeps the counts of the bounds and the total when packed coarsely', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 4e6, noNaN: true })), (durations) => {
        const histogram = new LatencyHistogram();
        for (const durationMs of durations) histogram.record(durationMs);
        const sum = new LatencyHistogram();
        assert.ok(sum.addPacked(histogram.packCoarsely(), histogram.sumSeconds));
        assert.deepEqual(sum.cumulativeCounts(), histogram.cumulativeCounts());
        assert.equal(sum.count, histogram.count);
      }),
    );
  });

  it('refuses packed data that makes no sense, unchanged', () => {
    const histogram = new LatencyHistogram();
    for (const packed of [[1], [-1, 1], [1, 0], [1, -1], [1, 1.5], [0.5, 1], [99_999, 1]]) {
      assert.equal(histogram.addPacked(packed, 1), false, `${packed}`);
    }
    assert.equal(histogram.addPacked([1, 1], Number.NaN), false);
    assert.equal(histogram.count, 0);
  });
});

describe('Metrics', () => {
  it('counts by route and status class', () => {
    const metrics = new Metrics();
    const routeIndex = metrics.routeIndex('images');
    for (const status of [200, 204, 301, 404, 499, 502, 0, 999]) {
      const exchange = finishedExchange({ routeIndex, status, bytesSent: 10, bytesReceived: 1 });
      metrics.record(exchange, 1);
    }
    metrics.record(finishedExchange({ hasRoute: false, status: 404, failure: 'no_route' }), 1);
    const [none, images] = metrics.routes();
    assert.equal(none?.route, NO_ROUTE);
    assert.equal(images?.route, 'images');
    assert.deepEqual(images?.requests, [2, 0, 2, 1, 2, 1]);
    assert.equal(images?.bytesSent, 80);
    assert.equal(images?.bytesReceived, 8);
    assert.equal(images?.latency?.count, 8);
    assert.deepEqual(metrics.failures(), { no_route: 1 });
  });

  it('does not take the life of a WebSocket for latency', () => {
    const metrics = new Metrics();
    metrics.record(finishedExchange({ status: 101 }), 3_000_000);
    assert.equal(metrics.routes()[0]?.latency, null);
    assert.equal(metrics.routes()[0]?.requests[1], 1);
  });

  it('gives a route the same row across configurations', () => {
    const metrics = new Metrics();
    const first = metrics.routeIndex('a');
    metrics.routeIndex('b');
    assert.equal(metrics.routeIndex('a'), first);
  });

  it('lets routes beyond the limit share a row', () => {
    const metrics = new Metrics();
    const rows = Array.from({ length: 3000 }, (_, at) => metrics.routeIndex(`r${at}`));
    assert.equal(new Set(rows).size, limits.measuredRouteCount - 1);
    metrics.record(finishedExchange({ routeIndex: rows[2999]! }), 1);
    assert.equal(metrics.routes()[0]?.route, OTHER_ROUTES);
  });
});

describe('metrics snapshot', () => {
  it('survives the way to the sidecar', () => {
    const metrics = new Metrics();
    metrics.record(finishedExchange({ failure: 'peer_reset', status: 502 }), 12);
    const peers = makePeers(1, 1).map(({ peer }) => peer);
    for (const timeMs of [0.3, 5, 5, 70_000]) peers[0]!.headTimes.add(timeMs);
    const sources = sourcesOf(metrics, { peers });
    const bytes = encodeSnapshot(sources, 1_000_000);
    assert.ok(bytes);
    assert.deepEqual(decodeSnapshot(bytes), takeSnapshot(sources));
  });

  it('gets coarser rather than too large, and gives up when even that is too large', () => {
    const metrics = new Metrics();
    for (let at = 0; at < 20_000; at += 1) metrics.record(finishedExchange(), 1.001 ** at);
    const fine = encodeSnapshot(sourcesOf(metrics), 1_000_000)!;
    const coarse = encodeSnapshot(sourcesOf(metrics), fine.length - 1)!;
    assert.ok(coarse.length < fine.length / 3, `${coarse.length} of ${fine.length} bytes`);
    const [one, other] = [fine, coarse].map((bytes) => mergeSnapshots([decodeSnapshot(bytes)!]));
    assert.deepEqual(
      other?.routes.get(NO_ROUTE)?.latency.cumulativeCounts(),
      one?.routes.get(NO_ROUTE)?.latency.cumulativeCounts(),
    );
    assert.equal(encodeSnapshot(sourcesOf(metrics), 100), null);
  });

  it('is not decoded from anything else', () => {
    const good = JSON.stringify(takeSnapshot(sourcesOf(new Metrics())));
    const peers = [makePeers(1)[0]!.peer];
    const withPeer = JSON.stringify(takeSnapshot(sourcesOf(new Metrics(), { peers })));
    for (const text of [good, withPeer]) assert.ok(decodeSnapshot(Buffer.from(text)));
    const bad = [
      '',
      '{}',
      '[]',
      'null',
      good.slice(1),
      good.replace('"pid":1', '"pid":"1"'),
      good.replace('"failures":{}', '"failures":{"a":-1}'),
      good.replace('"routes":[]', '"routes":[{}]'),
      good.replace('"peers":[]', '"peers":[null]'),
      withPeer.replace('"headTimes":[]', '"headTimes":[null]'),
    ];
    for (const text of bad) assert.equal(decodeSnapshot(Buffer.from(text)), null, text);
  });

  it('bounds the peers it names', () => {
    const { peer } = makePeers(1)[0]!;
    const peers = Array.from({ length: limits.measuredPeerCount + 1 }, () => peer);
    const snapshot = takeSnapshot(sourcesOf(new Metrics(), { peers }));
    assert.equal(snapshot.peers.length, limits.measuredPeerCount);
  });
});

describe('snapshots of workers that are gone', () => {
  const snapshotWith = (requests: number, open: number) => {
    const metrics = new Metrics();
    for (let at = 0; at < requests; at += 1) metrics.record(finishedExchange(), 1);
    const { peer } = makePeers(1)[0]!;
    peer.inFlight = open;
    peer.attempts = requests;
    for (let at = 0; at < requests; at += 1) peer.headTimes.add(at);
    const readings = { ...NO_READINGS, exchangesOpen: open, retries: requests };
    return takeSnapshot(sourcesOf(metrics, { peers: [peer], readings }));
  };
  const numbersOf = (snapshots: readonly MetricsSnapshot[]) => {
    const { routes, peers, readings } = mergeSnapshots(snapshots);
    const [peer] = peers.values();
    return {
      requests: routes.get(NO_ROUTE)?.requests[2],
      timed: routes.get(NO_ROUTE)?.latency.count,
      attempts: peer?.attempts,
      headTimes: peer?.headTimes.count,
      headTimesSumMs: peer?.headTimes.sumMs,
      inFlight: peer?.inFlight,
      retries: readings.retries,
      open: readings.exchangesOpen,
    };
  };

  it('keep their counters and drop their gauges', () => {
    const living = snapshotWith(7, 3);
    const dead = snapshotWith(5, 2);
    const headTimes = { headTimes: 12, headTimesSumMs: 31 };
    const sums = { requests: 12, timed: 12, attempts: 12, retries: 12, ...headTimes };
    assert.deepEqual(numbersOf([dead, living]), { ...sums, inFlight: 5, open: 5 });
    assert.deepEqual(numbersOf([retiredSnapshot(dead), living]), { ...sums, inFlight: 3, open: 3 });
  });

  it('fold into one that says the same', () => {
    const dead = [snapshotWith(5, 2), snapshotWith(7, 3)].map(retiredSnapshot);
    assert.deepEqual(numbersOf([foldSnapshots(dead)!]), numbersOf(dead));
    assert.equal(foldSnapshots([]), null);
  });
});
