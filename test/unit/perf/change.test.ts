// Comparing runs: a change must be larger than the noise of both to count as one.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changesOf, noiseOf } from '../../../perf/change.ts';
import {
  addHistograms,
  encodeHistogram,
  latencyCurve,
  latencyHistogram,
} from '../../../perf/load/load-result.ts';
import type { PerfRun } from '../../../perf/measure.ts';
import { describeChange, describeRun } from '../../../perf/print.ts';

/** A run with one round for each cost in CPU µs. */
function runOf(costs: readonly number[]): PerfRun {
  const role = { role: 'worker', processes: 1, residentBytes: 2 ** 20, peakBytes: 2 ** 21 };
  return {
    ...{ scenario: 'small-get', title: 'GET', unit: 'request', cores: 1, connections: 64 },
    ...{ durationS: 1, rate: 0, work: 1000, bytes: 1e6, meanMicros: 100 },
    latency: [50, 99, 99.99, 100].map((percentile) => ({ percentile, micros: percentile })),
    pauses: { worker: { perSecond: 2, share: 0.01, p99Ms: 3, mostMs: 4 } },
    loopDelays: { worker: { p99Ms: 5, mostMs: 6 } },
    rounds: costs.map((cpuMicrosPerWork) => ({
      perSecond: 1e6 / cpuMicrosPerWork,
      p50Micros: 100,
      p99Micros: 200,
      roles: [{ ...role, cpuMicrosPerWork }],
    })),
  };
}

describe('changesOf', () => {
  const cpu = (now: number[], then: number[]) =>
    changesOf(runOf(now), runOf(then)).find((each) => each.name.startsWith('CPU'))!;

  it('calls noise what is not larger than rounds differ by', () => {
    assert.equal(cpu([20, 21, 22], [19.5, 20, 20.5]).isNoise, true);
  });

  it('calls a change what is clearly larger', () => {
    const change = cpu([22, 22.1, 22.2], [20, 20.1, 20.2]);
    assert.equal(change.isNoise, false);
    assert.ok(Math.abs(change.share - 0.0995) < 0.001);
  });

  it('knows nothing of the noise of a single round', () => {
    assert.equal(noiseOf([20]), Number.POSITIVE_INFINITY);
    assert.equal(cpu([40], [20]).isNoise, true);
  });
});

describe('describeRun', () => {
  it('tells cost, memory, pauses and delays of every kind of process', () => {
    const text = describeRun(runOf([20, 21, 22]));
    assert.match(text, /47619 requests\/s \(45455–50000\)/);
    assert.match(text, /worker +1 +21\.00 +1 +2 +2\.0 +1\.0 % +3\.00 +4\.00 +5\.0 +6\.0/);
  });

  it('does not claim to know the noise of one round', () => {
    assert.match(describeChange(runOf([40]), runOf([20])), /\+100\.0 % +unknown +noise/);
  });
});

describe('histograms', () => {
  it('are added up over rounds without a loss', () => {
    const rounds = [100, 200].map((micros) => {
      const histogram = latencyHistogram();
      for (let at = 0; at < 50; at += 1) histogram.recordValue(micros);
      return encodeHistogram(histogram);
    });
    const curve = latencyCurve(addHistograms(rounds));
    const at = (percentile: number) => curve.find((each) => each.percentile === percentile)?.micros;
    assert.deepEqual([at(25), at(99.99)], [100, 200]);
  });
});
