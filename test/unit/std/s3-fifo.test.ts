// The policy against its promises, and against LRU.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { mix32 } from '../../../src/std/hash.ts';
import { S3Fifo, type Slot } from '../../../src/std/s3-fifo.ts';
import { scanTrace, shiftingTrace, zipfTrace } from '../../support/cache-traces.ts';
import { hitRateOfLru, hitRateOfS3Fifo } from '../../support/hit-rate.ts';

describe('S3-FIFO', () => {
  test('keeps its budget and knows what is in, whatever is added, used, reweighed and removed', () => {
    const command = fc.record({
      what: fc.constantFrom('add', 'add', 'use', 'reweigh', 'remove'),
      key: fc.nat(40),
      weight: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 300 }), (commands) => {
        const slots = new Map<number, Slot<number>>();
        const onEvict = (key: number) => assert.ok(slots.delete(key) || key === adding, `${key}`);
        const cache = new S3Fifo<number>({ weightMax: 100, ghostsMax: 8, onEvict });
        let adding = -1;
        for (const { what, key, weight } of commands) {
          const slot = slots.get(key);
          if (what === 'add' && slot === undefined) {
            adding = key;
            const hash = mix32(key);
            const added = cache.add(key, { hash, weight, isWanted: cache.isBack(hash) });
            if (added.isIn) slots.set(key, added);
            adding = -1;
          } else if (slot !== undefined) {
            if (what === 'use') cache.use(slot);
            if (what === 'reweigh') cache.reweigh(slot, weight);
            if (what === 'remove') {
              cache.remove(slot);
              slots.delete(key);
            }
          }
          const weights = [...slots.values()].map((one) => one.weight);
          assert.ok([...slots.values()].every((one) => one.isIn));
          assert.equal(
            cache.weight,
            weights.reduce((sum, one) => sum + one, 0),
          );
          assert.equal(cache.length, slots.size);
          assert.ok(cache.weight <= 100);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('answers more of a trace than LRU, as docs/caching-storage.md says', () => {
    const zipf = zipfTrace(20_000, 200_000, 0.9);
    const traces = [
      ['Zipf 0.9, equal sizes', zipf, () => 1],
      ['Zipf 0.9, sizes of 1 to 64', zipf, (key: number) => 1 << (mix32(key) % 7)],
      ['Zipf 0.9 with scans', scanTrace(zipf, 2000, 1000), () => 1],
      ['Zipf 0.9, hot objects change', shiftingTrace(zipf, 40_000, 200), () => 1],
    ] as const;
    const page = readFileSync(new URL('../../../docs/caching-storage.md', import.meta.url), 'utf8');
    for (const [name, trace, weightOf] of traces) {
      const cells = [200, 1000, 4000].map((weightMax) => {
        const lru = hitRateOfLru(trace, weightMax, weightOf);
        const own = hitRateOfS3Fifo(trace, weightMax, weightOf);
        assert.ok(own > lru, `${name}, ${weightMax}: ${own} against ${lru}`);
        return `${(own * 100).toFixed(1)} / ${(lru * 100).toFixed(1)}`;
      });
      const row = `| ${name} | ${cells.join(' | ')} |`;
      assert.ok(page.includes(row), `the page should have: ${row}`);
    }
  });
});
