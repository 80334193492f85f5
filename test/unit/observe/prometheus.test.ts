// The text for Prometheus: its grammar, its histograms, its escaping.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Metrics } from '../../../src/observe/metrics.ts';
import {
  mergeSnapshots,
  NO_READINGS,
  takeSnapshot,
} from '../../../src/observe/metrics-snapshot.ts';
import { ProcessSampler } from '../../../src/observe/process-sample.ts';
import { prometheusText } from '../../../src/observe/prometheus.ts';
import { makePeers } from '../worker/support/exchanges.ts';
import { finishedExchange } from './finished-exchange.ts';

const NASTY_ROUTE = 'a "quoted" \\ route\nwith a line';

function textOfTwoWorkers(): string {
  const snapshots = [0, 1].map((worker) => {
    const metrics = new Metrics();
    const routeIndex = metrics.routeIndex(NASTY_ROUTE);
    for (const durationMs of [0.2, 3, 30, 70_000]) {
      metrics.record(finishedExchange({ routeIndex }), durationMs);
    }
    metrics.record(finishedExchange({ routeIndex, status: 503, failure: 'no_peer' }), 1);
    const sampler = new ProcessSampler('worker', worker);
    const process = sampler.sample();
    sampler.stop();
    const { peer } = makePeers(1)[0]!;
    peer.inFlight = 3;
    for (const timeMs of [8, 8, 8, 1000]) peer.headTimes.add(timeMs);
    peer.healthy = worker === 0;
    const readings = { ...NO_READINGS, retries: 2, linkDegraded: worker, brBytesOut: 70 };
    return takeSnapshot({ metrics, process, peers: [peer], readings });
  });
  return prometheusText(
    mergeSnapshots(snapshots),
    snapshots.map((snapshot) => snapshot.process),
  );
}

describe('prometheusText', () => {
  const text = textOfTwoWorkers();

  it('keeps the grammar: every sample belongs to the family announced before it', () => {
    assert.ok(text.endsWith('\n'));
    let family = '';
    const seen = new Set<string>();
    for (const line of text.split('\n').slice(0, -1)) {
      const head = /^# (HELP|TYPE) (sluice_[a-z_]+) (.+)$/.exec(line);
      if (head?.[1] === 'HELP') {
        assert.ok(!seen.has(head[2]!), `family ${head[2]} comes twice`);
        seen.add(head[2]!);
        family = head[2]!;
      }
      if (head !== null) {
        assert.equal(head[2], family);
        continue;
      }
      const sample =
        /^(sluice_[a-z_]+?)(_bucket|_sum|_count)?(\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$/;
      const match = sample.exec(line);
      assert.ok(match, line);
      assert.equal(`${match[1]}`, family, line);
      assert.ok(Number.isFinite(Number(match[4])), line);
    }
    assert.ok(seen.size > 20, `${seen.size} families`);
  });

  it('ends the names of counters, and only theirs, in _total', () => {
    for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      assert.equal(name!.endsWith('_total'), type === 'counter', name);
    }
  });

  it('adds up the workers', () => {
    assert.match(text, /^sluice_requests_total\{route="[^\n]*",status="2xx"\} 8$/m);
    assert.match(text, /^sluice_requests_total\{route="[^\n]*",status="5xx"\} 2$/m);
    assert.match(text, /^sluice_failures_total\{code="no_peer"\} 2$/m);
    assert.match(text, /^sluice_retries_total 4$/m);
    assert.match(text, /^sluice_workers_degraded 1$/m);
    assert.match(text, /^sluice_compression_out_bytes_total\{coding="br"\} 140$/m);
    assert.match(text, /^sluice_peer_attempts_in_flight\{upstream="app",peer="10.0.0.1:80"\} 6$/m);
    assert.match(text, /^sluice_peer_healthy\{upstream="app",peer="10.0.0.1:80"\} 0$/m);
    const { labels, head } = {
      labels: 'upstream="app",peer="10.0.0.1:80"',
      head: 'sluice_peer_response_head_seconds',
    };
    assert.ok(text.includes(`\n${head}_sum{${labels}} 2.048\n${head}_count`));
    assert.ok(text.includes(`\n${head}_count{${labels}} 8\n`));
    assert.match(text, /^sluice_peer_response_head_seconds\{.*quantile="0.5"\} 0.009/m);
    assert.match(text, /^sluice_process_resident_memory_bytes\{role="worker",worker="1"\} [1-9]/m);
  });

  it('escapes what the operator named', () => {
    assert.ok(text.includes('route="a \\"quoted\\" \\\\ route\\nwith a line"'));
  });

  it('has histograms in seconds that only grow, up to the count', () => {
    const buckets = [...text.matchAll(/_duration_seconds_bucket\{.*le="([^"]+)"\} (\d+)$/gm)];
    assert.deepEqual(
      buckets
        .filter(([, le]) => ['0.0005', '0.0025', '0.005', '0.05', '60', '+Inf'].includes(le!))
        .map(([, , count]) => Number(count)),
      [2, 4, 6, 8, 8, 10],
    );
    const counts = buckets.map(([, , count]) => Number(count));
    assert.deepEqual(
      counts,
      [...counts].sort((one, other) => one - other),
    );
    assert.match(text, /_duration_seconds_count\{[^\n]*\} 10$/m);
    assert.match(text, /_duration_seconds_sum\{[^\n]*\} 140\.0684$/m);
  });
});
