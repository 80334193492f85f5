// The sums behind the published table: paired ratios, medians, the fragment between its markers.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { median, quantile, rotated } from '../../../native-bench/harness/statistics.ts';
import { writeFragment } from '../../../native-bench/report.ts';
import type { Measurement, Round } from '../../../native-bench/rounds.ts';
import { summarise } from '../../../native-bench/summary.ts';

function measurement(name: string, cpuMicrosPerRequest: number): Measurement {
  const load = {
    requests: 1000,
    durationMicros: 1e6,
    bytes: 1e6,
    connectErrors: 0,
    readErrors: 0,
    writeErrors: 0,
    statusErrors: 0,
    timeouts: 0,
    p50Micros: 1000,
    p90Micros: 2000,
    p99Micros: 3000,
    maxMicros: 4000,
  };
  return {
    name,
    load,
    cpuMicrosPerRequest,
    roleMicrosPerRequest: { worker: cpuMicrosPerRequest },
    requestsPerSecond: 1e6 / cpuMicrosPerRequest,
    residentBytes: 2 ** 20,
    foreignShare: 0,
  };
}

function round(number: number, nginx: number, sluice: number): Round {
  const measurements = [measurement('sluice', sluice), measurement('nginx', nginx)];
  return { number, measurements, quiet: true };
}

describe('statistics', () => {
  it('takes the middle, or the mean of the two in the middle', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(quantile([4, 1, 3, 2], 0.25), 2);
  });

  it('lets everybody go first in turn', () => {
    const orders = [0, 1, 2, 3].map((steps) => rotated(['a', 'b', 'c'], steps).join(''));
    assert.deepEqual(orders, ['abc', 'bca', 'cab', 'abc']);
  });
});

describe('summarise', () => {
  it('compares within a round, so that a slow phase of the machine cancels out', () => {
    const rounds = [round(1, 10, 12), round(2, 20, 24), round(3, 10, 13)];
    const [sluice] = summarise(rounds, ['sluice', 'nginx'], 'nginx');
    assert.deepEqual(sluice?.cpuRatio, { median: 1.2, least: 1.2, most: 1.3 });
    assert.equal(sluice?.cpuMicrosPerRequest.median, 13);
  });

  it('gives no ratio when the baseline did not run', () => {
    const alone = { ...round(1, 10, 12), measurements: [measurement('sluice', 12)] };
    const rows = summarise([alone], ['sluice', 'nginx'], 'nginx');
    assert.deepEqual(
      rows.map((row) => [row.name, row.cpuRatio]),
      [['sluice', null]],
    );
  });
});

describe('writeFragment', () => {
  it('replaces what stands between the markers and nothing else', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-report-'));
    const file = pathToFileURL(join(folder, 'README.md'));
    try {
      writeFileSync(file, 'before\n<!-- bench:quick -->\nold\n<!-- /bench:quick -->\nafter\n');
      writeFragment(file, 'quick', 'new');
      const expected = 'before\n<!-- bench:quick -->\nnew\n<!-- /bench:quick -->\nafter\n';
      assert.equal(readFileSync(file, 'utf8'), expected);
      assert.throws(() => writeFragment(file, 'other', 'new'), /has no <!-- bench:other -->/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
