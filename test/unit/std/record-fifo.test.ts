// Records in large buffers against a model that keeps them in a list.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { RecordFifo } from '../../../src/std/record-fifo.ts';

const SEGMENT_BYTES = 1024;

describe('records, first in, first out', () => {
  test('are found by hash, newest first, until they are taken out or their buffer is dropped', () => {
    const command = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ what: fc.constant('add'), hash: fc.nat(9), bytes: fc.nat(200) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ what: fc.constant('remove'), hash: fc.nat(9), bytes: fc.nat(0) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ what: fc.constant('drop'), hash: fc.nat(0), bytes: fc.nat(0) }),
      },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const records = new RecordFifo({ segmentBytes: SEGMENT_BYTES, chains: 4 });
        /** Number, hash and buffer of each that is in, oldest first. */
        let known: { id: number; hash: number; order: number }[] = [];
        let order = 0;
        for (const [id, { what, hash, bytes }] of commands.entries()) {
          if (what === 'add') {
            const before = records.bytes;
            records.add(hash, bytes + 4, id);
            if (records.bytes > before) order = id;
            assert.equal(records.at % 8, 0);
            records.segment.words[records.at >> 2] = id;
            known.push({ id, hash, order });
          } else if (what === 'remove' && records.find(hash)) {
            records.remove();
            const newest = known.findLastIndex((one) => one.hash === hash);
            known.splice(newest, 1);
          } else if (what === 'drop') {
            const dropped: number[] = [];
            const oldest = records.oldestOrder;
            records.drop((one) => dropped.push(one));
            const gone = known.filter((one) => one.order === oldest);
            known = known.filter((one) => one.order !== oldest);
            assert.deepEqual(
              dropped,
              gone.map((one) => one.hash),
            );
          }
          for (let wanted = 0; wanted < 10; wanted++) {
            const found: number[] = [];
            for (let is = records.find(wanted); is; is = records.findNext(wanted)) {
              found.push(records.segment.words[records.at >> 2]!);
            }
            const expected = known.filter((one) => one.hash === wanted).map((one) => one.id);
            assert.deepEqual(found, expected.toReversed());
          }
          assert.equal(records.length, known.length);
          assert.equal(records.bytes % SEGMENT_BYTES, 0);
        }
        records.clear();
        assert.deepEqual([records.length, records.bytes], [0, 0]);
      }),
      { numRuns: 200 },
    );
  });

  test('of one chain are looked through up to a bound, and no further', () => {
    const records = new RecordFifo({ segmentBytes: 1 << 16, chains: 1 });
    records.add(1, 8, 0);
    for (let at = 0; at < 1000; at++) records.add(2, 8, 0);
    assert.equal(records.find(1), false);
    assert.equal(records.find(2), true);
  });
});
