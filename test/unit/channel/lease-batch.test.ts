// Leases in bulk: what is sent comes out at the other side, in its order, and nothing that is malformed does.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  areAnswers,
  areSought,
  LeaseOutbox,
  readAnswers,
  readSought,
} from '../../../src/channel/lease-batch.ts';
import { parseSidecarMessage, parseWorkerMessage } from '../../../src/channel/parse-message.ts';
import type { CacheToSidecar, SidecarToCache } from '../../../src/core/cache-link.ts';
import { until } from '../../support/deadline.ts';

const id = fc.nat(Number.MAX_SAFE_INTEGER);
const digest = fc.string({ unit: fc.constantFrom(...'aZ09-_'), minLength: 22, maxLength: 22 });
const sought: fc.Arbitrary<CacheToSidecar> = fc.oneof(
  fc.record({ kind: fc.constant('seek' as const), id, digest }, { noNullPrototype: true }),
  fc.record(
    {
      ...{ kind: fc.constant('lease-end' as const), id, digest },
      end: fc.constantFrom('stored' as const, 'uncacheable' as const, 'failed' as const),
      freshMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    },
    { noNullPrototype: true },
  ),
);
const answer: fc.Arbitrary<SidecarToCache> = fc.oneof(
  fc.record({ kind: fc.constant('granted' as const), id }, { noNullPrototype: true }),
  fc.record(
    { kind: fc.constant('denied' as const), id, passMs: fc.nat(120_000) },
    { noNullPrototype: true },
  ),
);
const handed: CacheToSidecar = { kind: 'handed', digest: 'abc', file: 'answer-1-1' };
const DIGEST = 'x'.repeat(22);

/** What arrives of `messages`, and how often something was sent for it. */
function sent<Message extends CacheToSidecar | SidecarToCache>(
  messages: readonly Message[],
  read: (records: Uint8Array, take: (one: CacheToSidecar | SidecarToCache) => void) => void,
  parse: (value: unknown) => unknown,
): { arrived: unknown[]; sendings: number } {
  const arrived: unknown[] = [];
  let sendings = 0;
  const outbox = new LeaseOutbox<Message>((message) => {
    // As frames do: what was handed over may be written over.
    const copy = structuredClone(message);
    assert.deepEqual(parse(copy), copy);
    sendings += 1;
    if (copy.kind === 'leases') read(copy.records, (one) => arrived.push(one));
    else arrived.push(copy);
    return true;
  });
  for (const message of messages) assert.equal(outbox.send(message), true);
  outbox.flush();
  return { arrived, sendings };
}

describe('leases in bulk', () => {
  it('arrive as they were sent, with other messages between them', () => {
    const messages = fc.array(fc.oneof({ weight: 9, arbitrary: sought }, fc.constant(handed)), {
      maxLength: 1500,
    });
    fc.assert(
      fc.property(messages, (all) => {
        assert.deepEqual(sent(all, readSought, parseWorkerMessage).arrived, all);
      }),
      { numRuns: 30 },
    );
    fc.assert(
      fc.property(fc.array(answer), (all) => {
        assert.deepEqual(sent(all, readAnswers, parseSidecarMessage).arrived, all);
      }),
    );
  });

  it('of one turn are one message, up to 512', () => {
    const seek = { kind: 'seek', id: 1, digest: DIGEST } as const;
    const sendingsOf = (count: number) =>
      sent(new Array<CacheToSidecar>(count).fill(seek), readSought, parseWorkerMessage).sendings;
    assert.deepEqual([1, 100, 512, 513].map(sendingsOf), [1, 1, 1, 2]);
  });

  it('leave by themselves at the end of the turn, and not after the link is gone', async () => {
    const kinds: string[] = [];
    const outbox = new LeaseOutbox<CacheToSidecar>(({ kind }) => {
      kinds.push(kind);
      return true;
    });
    outbox.send({ kind: 'seek', id: 1, digest: DIGEST });
    assert.deepEqual(kinds, []);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(kinds, ['leases']);
    outbox.send({ kind: 'seek', id: 2, digest: DIGEST });
    outbox.clear();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(kinds, ['leases']);
    outbox.send({ kind: 'seek', id: 3, digest: DIGEST });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(kinds, ['leases', 'leases']);
  });

  it('leave a moment later when they only say that something is stored, or with the next one', async () => {
    const sizes: number[] = [];
    const outbox = new LeaseOutbox<CacheToSidecar>((message) => {
      sizes.push(message.kind === 'leases' ? message.records.length / 40 : 0);
      return true;
    });
    const end = { kind: 'lease-end', id: 1, digest: DIGEST, freshMs: 3 } as const;
    outbox.send({ ...end, end: 'stored' });
    outbox.send({ kind: 'seek', id: 2, digest: DIGEST });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(sizes, [2]);
    outbox.send({ ...end, end: 'uncacheable' });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(sizes, [2, 1]);
    outbox.send({ ...end, end: 'stored' });
    outbox.send({ ...end, end: 'stored' });
    await until(() => sizes.length === 3, { what: 'both have left' });
    assert.deepEqual(sizes, [2, 1, 2]);
  });

  it('go one by one where their digest has another length', () => {
    const seek = { kind: 'seek', id: 1, digest: 'short' } as const;
    const end = { kind: 'lease-end', id: 1, digest: DIGEST, end: 'stored', freshMs: 3 } as const;
    const { arrived, sendings } = sent([end, seek, end], readSought, parseWorkerMessage);
    assert.deepEqual(arrived, [end, seek, end]);
    assert.equal(sendings, 3);
  });

  it('are malformed when anything is wrong with one of them', () => {
    const records = recordsOf({
      kind: 'lease-end',
      id: 1,
      digest: DIGEST,
      end: 'failed',
      freshMs: 2,
    });
    assert.equal(areSought(records), true);
    assert.equal(areAnswers(records), false);
    const given = recordsOf({ kind: 'denied', id: 1, passMs: 2 });
    assert.equal(areAnswers(given), true);
    assert.equal(areSought(given), false);
    const wrongs: ((view: DataView) => void)[] = [
      (view) => view.setFloat64(0, -1, true),
      (view) => view.setFloat64(0, 0.5, true),
      (view) => view.setFloat64(0, Number.NaN, true),
      (view) => view.setFloat64(8, -1, true),
      (view) => view.setFloat64(8, Number.POSITIVE_INFINITY, true),
      (view) => view.setUint8(38, 99),
    ];
    for (const wrong of wrongs) {
      const changed = Buffer.concat([records, records]);
      wrong(new DataView(changed.buffer, changed.byteOffset + records.length, records.length));
      assert.equal(areSought(changed), false, `${wrong}`);
    }
    for (const other of [records.subarray(1), Buffer.alloc(40 * 513), 'x', null, [1]]) {
      assert.equal(areSought(other), false);
    }
  });
});

function recordsOf(message: CacheToSidecar | SidecarToCache): Buffer {
  let found: Buffer | null = null;
  const outbox = new LeaseOutbox<CacheToSidecar | SidecarToCache>((one) => {
    if (one.kind === 'leases') found = Buffer.from(one.records);
    return true;
  });
  outbox.send(message);
  outbox.flush();
  return found!;
}
