// One table of sessions, what it forgets and when, and how others are told of it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StickFollower } from '../../../src/channel/stick-follower.ts';
import { type StickBounds, StickTable } from '../../../src/channel/stick-table.ts';
import { createSeededRandom } from '../../support/random.ts';

const minuteMs = 60_000;

/** A table whose clock the test holds. */
function createBench(bounds: Partial<StickBounds> = {}) {
  const bench = { nowMs: 1000, changes: 0, news: 0 };
  const table = new StickTable(
    { entriesMax: 100, ttlMs: 8 * minuteMs, ...bounds },
    {
      nowMs: () => bench.nowMs,
      onChange: (isNews) => {
        bench.changes += 1;
        bench.news += isNews ? 1 : 0;
      },
    },
  );
  return { bench, table };
}

describe('StickTable', () => {
  it('finds what it was told, by all 64 bits of the key', () => {
    const { table } = createBench();
    table.stick(1, 2, 'app/a');
    table.stick(2, 2, 'app/b');
    table.stick(0xffffffff, 0xffffffff, 'app/c');
    assert.equal(table.find(1, 2), 'app/a');
    assert.equal(table.find(2, 2), 'app/b');
    assert.equal(table.find(0xffffffff, 0xffffffff), 'app/c');
    assert.equal(table.find(3, 2), null);
    assert.equal(table.find(2, 3), null);
    assert.equal(table.size, 3);
  });

  it('moves a session to another peer', () => {
    const { table } = createBench();
    table.stick(1, 2, 'app/a');
    table.stick(1, 2, 'app/b');
    assert.equal(table.find(1, 2), 'app/b');
    assert.equal(table.size, 1);
  });

  it('forgets a session that was not used for its time, and keeps one that was', () => {
    const { bench, table } = createBench();
    table.stick(1, 1, 'app/a');
    table.stick(2, 2, 'app/a');
    bench.nowMs += 5 * minuteMs;
    assert.equal(table.find(1, 1), 'app/a');
    bench.nowMs += 5 * minuteMs;
    assert.equal(table.find(1, 1), 'app/a', 'used after five of eight minutes');
    assert.equal(table.find(2, 2), null, 'unused for ten of eight minutes');
    assert.equal(table.size, 1);
  });

  it('keeps a session for its whole time after the last use, although not every use is noted', () => {
    const { bench, table } = createBench();
    table.stick(1, 1, 'app/a');
    bench.nowMs += 29_999;
    assert.equal(table.find(1, 1), 'app/a');
    assert.equal(bench.changes, 1, 'too soon to be noted');
    bench.nowMs += 8 * minuteMs;
    assert.equal(table.find(1, 1), 'app/a');
    bench.nowMs += 8 * minuteMs + 30_001;
    assert.equal(table.find(1, 1), null);
  });

  it('tells uses at most once in 30 s, and as no news', () => {
    const { bench, table } = createBench();
    table.stick(1, 1, 'app/a');
    assert.deepEqual([bench.changes, bench.news], [1, 1]);
    for (let second = 0; second < 90; second++) {
      bench.nowMs += 1000;
      table.find(1, 1);
    }
    assert.deepEqual([bench.changes, bench.news], [4, 1]);
  });

  it('holds no more sessions than it may, and drops those unchanged for longest', () => {
    const { table } = createBench({ entriesMax: 3 });
    for (const key of [1, 2, 3]) table.stick(key, key, 'app/a');
    table.stick(1, 1, 'app/b');
    table.stick(4, 4, 'app/a');
    assert.equal(table.size, 3);
    assert.equal(table.find(2, 2), null);
    for (const key of [1, 3, 4]) assert.notEqual(table.find(key, key), null, `${key}`);
  });

  it('clears expired sessions away before it drops live ones', () => {
    const { bench, table } = createBench({ entriesMax: 3 });
    for (const key of [1, 2]) table.stick(key, key, 'app/a');
    bench.nowMs += 9 * minuteMs;
    for (const key of [3, 4, 5]) table.stick(key, key, 'app/a');
    for (const key of [3, 4, 5]) assert.notEqual(table.find(key, key), null, `${key}`);
  });

  it('keeps what was changed last when its bounds shrink, and all when they grow', () => {
    const { table } = createBench({ entriesMax: 4 });
    for (const key of [1, 2, 3, 4]) table.stick(key, key, `app/${key}`);
    table.configure({ entriesMax: 2, ttlMs: minuteMs });
    assert.deepEqual(
      [1, 2, 3, 4].map((key) => table.find(key, key)),
      [null, null, 'app/3', 'app/4'],
    );
    table.configure({ entriesMax: 10, ttlMs: minuteMs });
    for (const key of [5, 6, 7]) table.stick(key, key, 'app/x');
    assert.equal(table.find(3, 3), 'app/3');
    assert.equal(table.size, 5);
  });

  it('agrees with a Map whatever happens to it', () => {
    const random = createSeededRandom(7);
    const { table } = createBench({ entriesMax: 1000 });
    const model = new Map<string, string>();
    for (let step = 0; step < 20_000; step++) {
      const [high, low] = [random.below(4), random.below(100)];
      const key = `${high}/${low}`;
      if (random.next() < 0.5) {
        const peer = `app/${random.below(5)}`;
        table.stick(high, low, peer);
        model.set(key, peer);
      } else {
        assert.equal(table.find(high, low), model.get(key) ?? null);
      }
    }
    assert.equal(table.size, model.size);
  });
});

describe('what two tables know of a session', () => {
  const record = { high: 1, low: 1, peerId: 'app/a', stuckAtMs: 500, usedAtMs: 500 };

  it('comes to the same whatever order it is joined in', () => {
    const records = [
      record,
      { ...record, usedAtMs: 900 },
      { ...record, peerId: 'app/b', stuckAtMs: 600, usedAtMs: 600 },
      { ...record, peerId: 'app/c', stuckAtMs: 600, usedAtMs: 700 },
    ];
    const random = createSeededRandom(3);
    for (let round = 0; round < 50; round++) {
      const { table } = createBench();
      for (const each of random.shuffle([...records, ...records])) table.merge(each, 1);
      assert.deepEqual(table.record(table.newest), {
        ...record,
        peerId: 'app/c',
        stuckAtMs: 600,
        usedAtMs: 900,
      });
    }
  });

  it('is nothing when it has expired on its way', () => {
    const { bench, table } = createBench();
    bench.nowMs = 10 * minuteMs;
    table.merge(record, 1);
    assert.equal(table.size, 0);
  });

  it('goes by a move that was made here over any that is known, even of the same moment', () => {
    const { bench, table } = createBench();
    table.merge({ ...record, peerId: 'app/z', stuckAtMs: 1000 }, 1);
    bench.nowMs = 1000;
    table.stick(1, 1, 'app/a');
    assert.equal(table.find(1, 1), 'app/a');
    table.merge({ ...record, peerId: 'app/z', stuckAtMs: 1000 }, 1);
    assert.equal(table.find(1, 1), 'app/a');
  });
});

describe('StickFollower', () => {
  const keysOf = (table: StickTable, slots: readonly number[]) =>
    slots.map((slot) => table.record(slot).low);

  it('is told everything once, oldest first, then only what changes', () => {
    const { bench, table } = createBench();
    for (const key of [1, 2, 3, 4, 5]) table.stick(key, key, 'app/a');
    const follower = new StickFollower(table, 9);
    assert.deepEqual(keysOf(table, follower.take(2)), [1, 2]);
    table.stick(4, 4, 'app/b');
    assert.deepEqual(keysOf(table, follower.take(2)), [3, 5]);
    assert.equal(follower.hasMore, true);
    assert.deepEqual(keysOf(table, follower.take(2)), [4]);
    assert.equal(follower.hasMore, false);
    bench.nowMs += minuteMs;
    table.find(2, 2);
    assert.deepEqual(keysOf(table, follower.take(2)), [2]);
  });

  it('finds its place again when the session where it stopped has changed or is gone', () => {
    const { bench, table } = createBench();
    for (const key of [1, 2, 3, 4]) table.stick(key, key, 'app/a');
    const follower = new StickFollower(table, 9);
    follower.take(2);
    table.stick(2, 2, 'app/b');
    assert.deepEqual(keysOf(table, follower.take(1)), [3]);
    bench.nowMs += 9 * minuteMs;
    assert.equal(table.find(3, 3), null);
    assert.deepEqual(keysOf(table, follower.take(9)), [4, 2]);
    assert.equal(table.find(2, 2), null);
    table.stick(7, 7, 'app/a');
    assert.deepEqual(keysOf(table, follower.take(9)), [7]);
    assert.equal(follower.hasMore, false);
  });

  it('is not told what it has told itself, but what came of half of it', () => {
    const { table } = createBench();
    const follower = new StickFollower(table, 9);
    const other = new StickFollower(table, 8);
    const record = { high: 1, low: 1, peerId: 'app/a', stuckAtMs: 500, usedAtMs: 500 };
    table.merge(record, 9);
    assert.deepEqual(follower.take(9), []);
    assert.equal(follower.hasMore, false);
    assert.deepEqual(keysOf(table, other.take(9)), [1]);
    table.merge({ ...record, peerId: 'app/b', stuckAtMs: 400, usedAtMs: 600 }, 9);
    assert.deepEqual(keysOf(table, follower.take(9)), [1]);
  });

  it('hears of every session however the table changes meanwhile', () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = createSeededRandom(seed);
      const { bench, table } = createBench({ entriesMax: 20, ttlMs: 1000 });
      const follower = new StickFollower(table, 9);
      const told = new Map<number, unknown>();
      for (let step = 0; step < 300; step++) {
        const key = random.below(30);
        const roll = random.next();
        if (roll < 0.4) table.stick(key, key, `app/${random.below(3)}`);
        else if (roll < 0.7) table.find(key, key);
        else if (roll < 0.8) bench.nowMs += random.below(400);
        else {
          for (const slot of follower.take(1 + random.below(5))) {
            const record = table.record(slot);
            told.set(record.low, record);
          }
        }
      }
      while (follower.hasMore) {
        for (const slot of follower.take(3)) told.set(table.record(slot).low, table.record(slot));
      }
      for (let slot = table.newest; slot !== 0; slot = table.olderThan(slot)) {
        const record = table.record(slot);
        assert.deepEqual(told.get(record.low), record, `seed ${seed}`);
      }
    }
  });
});
