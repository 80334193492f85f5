// The table against a Map of the same rows.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { BlobIndex, type BlobRow, blockBytes } from '../../../../src/std/blobs/blob-index.ts';

const row = fc.record(
  {
    // Few keys, and low words that meet in the table.
    high: fc.nat(2),
    low: fc.constantFrom(0, 1, 1023, 1024, 2047, 2048, 5, 6),
    variant: fc.nat(1),
    sumHigh: fc.constant(9),
    sumLow: fc.nat(2),
    blocks: fc.integer({ min: 1, max: 20 }),
    usedS: fc.nat(100),
  },
  { noNullPrototype: true },
);
const command = fc.record({ what: fc.constantFrom('put', 'put', 'remove', 'touch'), row });

const idOf = ({ high, low, variant }: BlobRow) => `${high} ${low} ${variant}`;

describe('the index of blobs', () => {
  test('holds what was put and not removed, within its bounds', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const index = new BlobIndex(150 * blockBytes, 20);
        const model = new Map<string, BlobRow>();
        const sum = () => [...model.values()].reduce((all, one) => all + one.blocks, 0);
        for (const { what, row: one } of commands) {
          const known = model.get(idOf(one));
          if (what === 'put') {
            const isSame = known?.sumLow === one.sumLow;
            const fits = sum() + one.blocks <= 150 && model.size < 20;
            assert.equal(index.put(one), known === undefined ? fits : isSame);
            if (known === undefined && fits) model.set(idOf(one), one);
            else if (isSame) {
              model.set(idOf(one), { ...known!, usedS: Math.max(known!.usedS, one.usedS) });
            }
          } else if (what === 'remove') {
            const isThere = known?.sumLow === one.sumLow;
            assert.equal(index.remove(one), isThere);
            if (isThere) model.delete(idOf(one));
          } else {
            index.touch(one);
            if (known !== undefined) {
              model.set(idOf(one), { ...known, usedS: Math.max(known.usedS, one.usedS) });
            }
          }
          assert.equal(index.bytes, sum() * blockBytes);
          assert.equal(index.length, model.size);
        }
        const rows = [...index.rows()];
        assert.equal(rows.length, model.size);
        for (const one of rows) assert.deepEqual(one, model.get(idOf(one)));
        for (const one of model.values()) {
          assert.deepEqual(index.get(one), one);
          assert.ok(index.find(one.high, one.low).some((each) => idOf(each) === idOf(one)));
        }
      }),
      { numRuns: 400 },
    );
  });

  test('grows, and names the rows that were wanted longest ago', () => {
    const index = new BlobIndex(100_000 * blockBytes, 50_000);
    for (let at = 0; at < 30_000; at++) {
      const place = { high: at, low: Math.imul(at, 2654435761) >>> 0, variant: 0 };
      assert.ok(index.put({ ...place, sumHigh: 0, sumLow: at, blocks: 2, usedS: 30_000 - at }));
    }
    assert.equal(index.length, 30_000);
    const oldest = index.oldest(5);
    assert.deepEqual(
      oldest.map(({ sumLow }) => sumLow),
      [29_999, 29_998, 29_997],
    );
  });
});
