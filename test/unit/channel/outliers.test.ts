// Success rates compared: who stands out, and when nobody does.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { findOutliers } from '../../../src/channel/outliers.ts';
import { TrafficWindow } from '../../../src/channel/traffic-window.ts';

const policy = { deviations: 1.9, peersMin: 5, requestsMin: 100, windowMs: 10_000 };

/** Peers with 200 requests each and so many errors. */
function outliers(...errors: number[]): number[] {
  const traffic = errors.map((count, peer) => ({ peer, answers: 200, errors: count }));
  return findOutliers(traffic, policy).map(({ peer }) => peer);
}

describe('outliers', () => {
  test('are peers far below the mean', () => {
    assert.deepEqual(outliers(0, 2, 100, 1, 0), [2]);
    assert.deepEqual(outliers(...new Array<number>(18).fill(1), 100, 120), [19, 18], 'worst first');
  });

  test('are none where all fail alike, or differ by little', () => {
    assert.deepEqual(outliers(100, 100, 100, 100, 100), []);
    assert.deepEqual(outliers(0, 0, 0, 0, 10), [], '5 %, though two deviations');
    assert.deepEqual(outliers(0, 0, 0, 0, 20), [4]);
    assert.deepEqual(outliers(0, 0, 0, 200, 200), [], 'two of five are no exception');
  });

  test('are not looked for among too few peers or requests', () => {
    assert.deepEqual(outliers(0, 0, 0, 200), []);
    const traffic = [0, 0, 0, 0, 90].map((errors, peer) => ({ peer, answers: 99, errors }));
    assert.deepEqual(findOutliers(traffic, policy), []);
    const more = [...traffic, { peer: 5, answers: 1000, errors: 0 }];
    assert.deepEqual(findOutliers(more, policy), [], 'only those with enough count');
  });

  test('know their rate and the mean', () => {
    const traffic = [0, 0, 0, 0, 100].map((errors, peer) => ({ peer, answers: 100, errors }));
    assert.deepEqual(findOutliers(traffic, policy), [{ peer: 4, rate: 0, mean: 0.8 }]);
  });
});

describe('a traffic window', () => {
  test('sums what is younger than the window, within a tenth', () => {
    const window = new TrafficWindow(1000);
    window.add({ answers: 10, errors: 1 }, 5000);
    window.add({ answers: 20, errors: 2 }, 5500);
    assert.deepEqual(window.sumAt(5899), { answers: 30, errors: 3 });
    assert.deepEqual(window.sumAt(6000), { answers: 20, errors: 2 });
    assert.deepEqual(window.sumAt(6500), { answers: 0, errors: 0 });
  });

  test('is empty after a pause of any length, and after clear', () => {
    const window = new TrafficWindow(1000);
    window.add({ answers: 10, errors: 1 }, 5000);
    assert.deepEqual(window.sumAt(5_000_000), { answers: 0, errors: 0 });
    window.add({ answers: 1, errors: 1 }, 5_000_000);
    window.clear();
    assert.deepEqual(window.sumAt(5_000_000), { answers: 0, errors: 0 });
  });
});
