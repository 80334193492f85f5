// The latency plot: what a reader would notice when it is wrong.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readOptions } from '../../../perf/options.ts';
import { duration, latencySvg } from '../../../perf/svg.ts';

describe('latencySvg', () => {
  const points = [0, 50, 90, 99, 99.9, 99.99, 100].map((percentile, at) => ({
    percentile,
    micros: 100 * 2 ** at,
  }));

  it('draws a curve that rises and stays inside of the picture', () => {
    const svg = latencySvg('title', 'subtitle', [{ label: 'run', points }]);
    const path = /<polyline points="([^"]+)"/.exec(svg)?.[1] ?? '';
    const places = path.split(' ').map((pair) => pair.split(',').map(Number));
    assert.equal(places.length, 6);
    for (const [at, [x = -1, y = -1]] of places.entries()) {
      assert.ok(x >= 0 && x <= 860 && y >= 0 && y <= 420, `${x},${y}`);
      const [xBefore = 0, yBefore = 420] = places[at - 1] ?? [];
      assert.ok(x >= xBefore && y <= yBefore, 'more is higher');
    }
  });

  it('can not be broken by a label', () => {
    const svg = latencySvg('a < b & c', '', [{ label: '<script>', points }]);
    assert.ok(svg.includes('a &lt; b &amp; c') && !svg.includes('<script>'));
  });

  it('says latencies as people do', () => {
    const told = [240, 1300, 250_000, 2_000_000].map(duration);
    assert.deepEqual(told, ['240 µs', '1.3 ms', '250 ms', '2.0 s']);
  });
});

describe('readOptions', () => {
  it('takes flags over environment over defaults', () => {
    const env = { SLUICE_PERF_DURATION: '7', SLUICE_PERF_WARM_UP: '2' };
    const options = readOptions(['--duration', '5'], env);
    assert.equal(options?.durationS, 5);
    assert.equal(options?.warmUpS, 2);
    assert.equal(options?.rate, 0);
  });

  it('refuses a number that is none', () => {
    assert.throws(() => readOptions(['--duration', 'long'], {}), /--duration: a number/);
  });
});
