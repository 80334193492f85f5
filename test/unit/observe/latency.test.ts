// The histogram against hdr-histogram-js as an oracle, and how parts of it add up.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { build } from 'hdr-histogram-js';
import { BUCKET_BOUNDS_SECONDS, LatencyHistogram } from '../../../src/observe/latency.ts';
import { createSeededRandom } from '../../support/random.ts';

const HOUR_US = 3_600_000_000;

/** Durations in µs between 1 µs and an hour, as many of each order of magnitude. */
function durations(seed: number, count: number): number[] {
  const random = createSeededRandom(seed);
  return Array.from({ length: count }, () => Math.floor(HOUR_US ** random.next()));
}

function histogramOf(list: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const us of list) histogram.record(us / 1000);
  return histogram;
}

describe('the latency histogram', () => {
  it('has the percentiles of hdr-histogram-js', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const list = [0, 1, 255, 256, 257, 511, 512, HOUR_US, ...durations(seed, 2000)];
      const oracle = build({
        ...{ lowestDiscernibleValue: 1, highestTrackableValue: HOUR_US },
        numberOfSignificantValueDigits: 2,
      });
      for (const us of list) oracle.recordValue(us);
      const own = histogramOf(list);
      for (let percent = 1; percent < 100; percent++) {
        const expected = oracle.getValueAtPercentile(percent);
        assert.equal(Math.round(own.quantileSeconds(percent / 100) * 1e6), expected, `p${percent}`);
      }
    }
  });

  it('adds up what was packed elsewhere, to the same percentiles', () => {
    const parts = [1, 2, 3].map((seed) => durations(seed, 500));
    const whole = histogramOf(parts.flat());
    const sum = new LatencyHistogram();
    for (const part of parts) {
      const one = histogramOf(part);
      assert.ok(sum.addPacked(one.pack(), one.sumSeconds));
    }
    assert.deepEqual(sum.pack(), whole.pack());
    assert.equal(sum.count, whole.count);
  });

  it('counts up to the bounds within the precision of a bucket', () => {
    const list = durations(4, 3000);
    const counts = histogramOf(list).cumulativeCounts();
    for (const [at, bound] of BUCKET_BOUNDS_SECONDS.entries()) {
      const below = (factor: number) => list.filter((us) => us <= bound * 1e6 * factor).length;
      assert.ok(counts[at]! >= below(0.99) && counts[at]! <= below(1.01), `${bound} s`);
    }
  });

  it('takes nothing that makes no sense', () => {
    const histogram = histogramOf([1000]);
    const before = histogram.pack();
    for (const packed of [[1], [-1, 1], [0, 0], [0, 1.5], [1e6, 1]]) {
      assert.equal(histogram.addPacked(packed, 1), false, String(packed));
    }
    assert.equal(histogram.addPacked([1, 1], Number.NaN), false);
    assert.deepEqual(histogram.pack(), before);
  });
});
