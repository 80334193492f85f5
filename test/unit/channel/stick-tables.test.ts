// Sessions on their way between processes: pages, and the two ends of a link.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeFrame } from '../../../src/channel/frame.ts';
import { parseSidecarMessage, parseWorkerMessage } from '../../../src/channel/parse-message.ts';
import { readPage, writePages } from '../../../src/channel/stick-page.ts';
import { StickTable } from '../../../src/channel/stick-table.ts';
import { type StickSpec, StickTables } from '../../../src/channel/stick-tables.ts';
import { limits } from '../../../src/core/limits.ts';

const nowMs = () => 5000;
const spec: StickSpec = { upstream: 'app', entriesMax: 100_000, ttlMs: 600_000 };

function createTables(specs: readonly StickSpec[] = [spec]): StickTables {
  const tables = new StickTables(nowMs);
  tables.install(specs);
  return tables;
}

function createTable(): StickTable {
  return new StickTable(spec, { nowMs, onChange: () => {} });
}

/** Slots of a table, oldest change first. */
function slotsOf(table: StickTable): number[] {
  const slots: number[] = [];
  for (let slot = table.newest; slot !== 0; slot = table.olderThan(slot)) slots.push(slot);
  return slots.reverse();
}

describe('pages of sessions', () => {
  it('bring over exactly what was written', () => {
    const table = createTable();
    table.stick(0xffffffff, 1, 'app/http://10.0.0.1:80');
    table.stick(2, 0x80000000, 'app/http://10.0.0.2:80');
    table.stick(3, 3, 'app/http://10.0.0.1:80');
    const slots = slotsOf(table);
    const [page, ...rest] = writePages('app', table, slots);
    assert.deepEqual(rest, []);
    assert.equal(page!.peers.length, 2);
    assert.equal(page!.records.length, 3 * 28);
    assert.deepEqual(
      readPage(page!),
      slots.map((slot) => table.record(slot)),
    );
  });

  it('are several when more peers are named than one may name', () => {
    const table = createTable();
    for (let key = 0; key < 600; key++) table.stick(key, key, `app/${key}`);
    const slots = slotsOf(table);
    const pages = writePages('app', table, slots);
    assert.equal(pages.length, 3);
    assert.deepEqual(
      pages.flatMap(readPage),
      slots.map((slot) => table.record(slot)),
    );
  });

  it('are let in only when they are whole', () => {
    const table = createTable();
    table.stick(1, 1, 'app/a');
    table.stick(2, 2, 'app/b');
    const [page] = writePages('app', table, slotsOf(table));
    assert.notEqual(parseWorkerMessage(page), null);
    assert.notEqual(parseSidecarMessage(page), null);
    const wrong = (change: (records: Buffer) => void) => {
      const records = Buffer.from(page!.records);
      change(records);
      return { ...page, records };
    };
    const broken = [
      { ...page, records: page!.records.subarray(1) },
      { ...page, peers: ['app/a'] },
      { ...page, peers: [] },
      { ...page, peers: new Array(257).fill('app/a') },
      { ...page, upstream: 'x'.repeat(1025) },
      { ...page, upstream: 7 },
      { ...page, records: Buffer.alloc(28 * 1025) },
      { ...page, records: [] },
      wrong((records) => records.writeDoubleBE(Number.NaN, 12)),
      wrong((records) => records.writeDoubleBE(-1, 20)),
      wrong((records) => records.writeDoubleBE(Number.POSITIVE_INFINITY, 28 + 20)),
      wrong((records) => records.writeUInt32BE(2, 28 + 8)),
    ];
    for (const [at, each] of broken.entries()) {
      assert.equal(parseWorkerMessage(each), null, `${at}`);
      assert.equal(parseSidecarMessage(each), null, `${at}`);
    }
    for (const upstreams of [new Array(257).fill('a'), [7], 'app', undefined]) {
      assert.equal(parseWorkerMessage({ kind: 'wanted', upstreams }), null);
    }
  });
});

describe('two ends of a link', () => {
  it('bring over a whole table in bounded pieces, oldest first, while it changes', () => {
    const [full, empty] = [createTables(), createTables()];
    const table = full.tableOf(spec);
    for (let key = 0; key < 50_000; key++) table.stick(key, key, `app/${key % 5}`);
    const [from, to] = [full.open(), empty.open()];
    const copy = empty.tableOf(spec);
    for (const message of to.take()) from.receive(message);
    let turns = 0;
    for (; from.hasMore; turns++) {
      const messages = from.take();
      assert.ok(messages.length <= 9, 'pages of one turn, and one wish');
      for (const message of messages) {
        const frame = encodeFrame(message);
        assert.ok(frame !== null && frame.length < limits.frameBytes / 16);
        to.receive(message);
      }
      if (turns < 5) table.stick(turns, turns, 'app/moved');
    }
    assert.ok(turns >= 6, `${turns}`);
    assert.equal(copy.size, 50_000);
    assert.equal(copy.find(0, 0), 'app/moved');
    assert.equal(copy.find(49_999, 49_999), 'app/4');
    const order = (each: StickTable) => slotsOf(each).map((slot) => each.record(slot).low);
    assert.deepEqual(order(copy), order(table), 'so that it forgets in the same order');
  });

  it('know when they have been told everything', () => {
    const [full, empty] = [createTables(), createTables()];
    const table = full.tableOf(spec);
    for (let key = 0; key < 20_000; key++) table.stick(key, key, 'app/a');
    const [from, to] = [full.open(), empty.open()];
    assert.equal(empty.isComplete, false);
    for (const message of to.take()) from.receive(message);
    while (from.hasMore) {
      assert.equal(empty.isComplete, false);
      for (const message of from.take()) to.receive(message);
    }
    assert.equal(empty.isComplete, true);
    assert.equal(empty.tableOf(spec).size, 20_000);
    assert.equal(createTables([]).isComplete, true);
  });

  it('send nothing that the other has not asked for, and nothing when idle', () => {
    const [full, other] = [createTables(), createTables([])];
    full.tableOf(spec).stick(1, 1, 'app/a');
    const [from, to] = [full.open(), other.open()];
    assert.deepEqual(
      from.take().map(({ kind }) => kind),
      ['wanted'],
    );
    assert.deepEqual([from.take(), to.take()], [[], []]);
    assert.ok(!from.hasMore && !to.hasMore);
    other.install([spec]);
    for (const message of to.take()) from.receive(message);
    for (const message of from.take()) to.receive(message);
    assert.equal(other.tableOf(spec).find(1, 1), 'app/a');
    assert.deepEqual([from.take(), to.take()], [[], []]);
  });

  it('start anew with a table that was dropped and made again', () => {
    const [full, other] = [createTables(), createTables()];
    const [from, to] = [full.open(), other.open()];
    const exchange = () => {
      for (const message of to.take()) from.receive(message);
      for (const message of from.take()) to.receive(message);
    };
    full.tableOf(spec).stick(1, 1, 'app/a');
    exchange();
    other.install([]);
    exchange();
    other.install([spec]);
    exchange();
    assert.equal(other.tableOf(spec).find(1, 1), 'app/a');
    full.install([]);
    full.install([spec]);
    full.tableOf(spec).stick(2, 2, 'app/b');
    exchange();
    assert.equal(other.tableOf(spec).find(2, 2), 'app/b');
  });

  it('take no notice of sessions that this side does not keep', () => {
    const [full, other] = [createTables(), createTables([])];
    full.tableOf(spec).stick(1, 1, 'app/a');
    const [from, to] = [full.open(), other.open()];
    from.receive({ kind: 'wanted', upstreams: ['app', 'unknown'] });
    for (const message of from.take()) to.receive(message);
    assert.deepEqual(other.sizes, []);
  });
});
