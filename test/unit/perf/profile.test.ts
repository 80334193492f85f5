// Folding CPU profiles and drawing them: what a reader of a flame graph relies on.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flameSvg } from '../../../perf/flame-svg.ts';
import { type CpuProfile, foldProfile, selfTimes } from '../../../perf/profile.ts';

function node(id: number, functionName: string, url: string, children: number[] = []) {
  return { id, callFrame: { functionName, url, lineNumber: 9 }, children };
}

/** main calls serve, which calls into Node; besides there is idling. Samples of 100 µs each. */
const profile: CpuProfile = {
  nodes: [
    node(1, '(root)', '', [2, 5]),
    node(2, 'main', 'file:///work/src/main.ts', [3]),
    node(3, 'serve<T>', 'file:///work/src/worker/serve.ts', [4]),
    node(4, 'write', 'node:net'),
    node(5, '(idle)', ''),
  ],
  startTime: 1_000_000,
  samples: [2, 3, 4, 4, 5, 5],
  timeDeltas: [100, 100, 100, 100, 100, 100],
};

describe('foldProfile', () => {
  it('adds up what functions take with all that they call', () => {
    const root = foldProfile(profile);
    assert.equal(root.totalMicros, 400);
    const main = root.children.get('main src/main.ts:10');
    assert.equal(main?.totalMicros, 400);
    const serve = main?.children.get('serve<T> src/worker/serve.ts:10');
    assert.equal(serve?.totalMicros, 300);
    assert.deepEqual([main?.kind, serve?.children.get('write node:net:10')?.kind], ['src', 'node']);
  });

  it('leaves idle time out', () => {
    assert.deepEqual([...foldProfile(profile).children.keys()], ['main src/main.ts:10']);
  });

  it('counts only what was sampled within the measured spans', () => {
    const root = foldProfile(profile, [{ fromMs: 1000.25, toMs: 1000.35 }]);
    assert.equal(root.totalMicros, 100);
  });

  it('tells the costliest functions by themselves', () => {
    assert.deepEqual(selfTimes(foldProfile(profile)), [
      { name: 'write node:net:10', micros: 200 },
      { name: 'main src/main.ts:10', micros: 100 },
      { name: 'serve<T> src/worker/serve.ts:10', micros: 100 },
    ]);
  });
});

describe('flameSvg', () => {
  const svg = flameSvg('a < b', 'worker', foldProfile(profile));

  it('draws every function as wide as its share, inside of the picture', () => {
    const widths = [...svg.matchAll(/<rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)]
      .map(([, x, y, width]) => [Number(x), Number(y), Number(width)] as const)
      .filter(([, , width]) => width > 20);
    assert.deepEqual(
      widths.map(([, , width]) => Math.round((width / 1200) * 100)),
      [100, 75, 50],
    );
    const height = Number(/viewBox="0 0 1200 (\d+)"/.exec(svg)?.[1]);
    for (const [x, y, width] of widths) assert.ok(x >= 0 && x + width <= 1200 && y + 16 <= height);
  });

  it('can not be broken by names', () => {
    assert.ok(svg.includes('a &lt; b') && svg.includes('serve&lt;T&gt;'));
    assert.ok(!svg.includes('serve<T>'));
  });

  it('is a picture, too, when there was no work', () => {
    const empty = flameSvg('nothing', '', foldProfile({ ...profile, samples: [], timeDeltas: [] }));
    assert.ok(empty.startsWith('<svg') && empty.endsWith('</svg>\n'));
  });
});
