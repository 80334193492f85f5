// The memory tier against a model that looks at everything.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import type { PurgeCommand, StoredResponse } from '../../../../../src/core/cache.ts';
import { PurgeLog } from '../../../../../src/core/purge-log.ts';
import { keyHash } from '../../../../../src/std/key-hash.ts';
import { MemoryTier, variantsMax } from '../../../../../src/worker/cache/store/memory.ts';
import { storedResponse } from '../../../../support/stored-response.ts';

const MIB = 1024 * 1024;

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('store' as const),
      key: fc.nat(5),
      vary: fc.nat(2),
      tags: fc.uniqueArray(fc.constantFrom('red', 'green', 'blue')),
      /** Purges that came while it was fetched. */
      missed: fc.nat(2),
      bytes: fc.nat(50),
      /** Looked at afterwards: what is not may be stored over and over. */
      isAskedFor: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('purge' as const),
      kind: fc.constantFrom('url', 'prefix', 'tag', 'all') as fc.Arbitrary<PurgeCommand['kind']>,
      key: fc.nat(5),
      tag: fc.constantFrom('red', 'green', 'blue'),
      isSoft: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('remove' as const), key: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('find' as const), key: fc.nat(5) }) },
);

interface Known {
  readonly response: StoredResponse;
  readonly bytes: number;
  isFresh: boolean;
}

/** What should be there, by looking at everything at every purge. */
class Model {
  readonly known = new Map<string, Known>();
  readonly purges: { readonly command: PurgeCommand; readonly generation: number }[] = [];

  store(response: StoredResponse, bytes: number): void {
    const one = { response, bytes, isFresh: true };
    const id = `${response.key} ${response.varyKey}`;
    const later = this.purges.filter(({ generation }) => generation > response.generation);
    if (later.some(({ command }) => !command.isSoft && reaches(command, response))) return;
    one.isFresh = !later.some(({ command }) => reaches(command, response));
    this.known.set(id, one);
  }

  purge(command: PurgeCommand, generation: number): void {
    this.purges.push({ command, generation });
    for (const [id, one] of this.known) {
      if (!reaches(command, one.response)) continue;
      if (command.isSoft) one.isFresh = false;
      else this.known.delete(id);
    }
  }

  of(key: string): Known[] {
    return [...this.known.values()].filter(({ response }) => response.key === key);
  }
}

function reaches({ kind, value }: PurgeCommand, { url, tags }: StoredResponse): boolean {
  if (kind === 'all') return true;
  if (kind === 'tag') return tags.includes(value);
  return kind === 'url' ? url === value : url.startsWith(value);
}

function purgeValue(kind: PurgeCommand['kind'], key: number, tag: string): string {
  if (kind === 'all') return '';
  if (kind === 'tag') return tag;
  return `http://example.test/${kind === 'url' ? key : ''}`;
}

describe('the memory tier', () => {
  test('holds what was stored and not purged, hard or to stale, as a model says', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const purges = new PurgeLog();
        const tier = new MemoryTier(MIB, purges);
        const model = new Model();
        for (const one of commands) {
          const key = 'key' in one ? `${one.key}` : '';
          if (one.what === 'purge') {
            const value = purgeValue(one.kind, one.key, one.tag);
            const asked = { kind: one.kind, value, isSoft: one.isSoft };
            purges.add({ ...asked, generation: purges.generation + 1 });
            model.purge(asked, purges.generation);
          } else if (one.what === 'remove') {
            tier.remove(key);
            for (const { response } of model.of(key)) {
              model.known.delete(`${response.key} ${response.varyKey}`);
            }
          } else if (one.what === 'store') {
            const generation = Math.max(0, purges.generation - one.missed);
            const { tags, bytes } = one;
            const response = storedResponse(key, { varyKey: `${one.vary}`, tags, generation });
            tier.store(response, new Uint8Array(bytes));
            model.store(response, bytes);
          }
          if (one.what === 'store' && !one.isAskedFor) continue;
          const variants = tier.find(key)?.variants ?? [];
          const expected = model.of(key);
          assert.equal(variants.length, expected.length);
          for (const { response, body } of variants) {
            const known = expected.find((each) => each.response.varyKey === response.varyKey);
            assert.equal(body.byteLength, known?.bytes);
            assert.equal(response.freshUntilMs > 1_000_000, known?.isFresh);
          }
          assert.ok(tier.bytes <= MIB);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('stays within its budget under ten times as much, and counts what it holds', () => {
    const tier = new MemoryTier(MIB, new PurgeLog());
    for (let at = 0; at < 20_000; at++) {
      const body = new Uint8Array((at * 37) % 1200);
      tier.store(storedResponse(`${(at * 7919) % 9000}`, { varyKey: `${at % 3}` }), body);
      assert.ok(tier.bytes <= MIB, `${tier.bytes}`);
    }
    assert.ok(tier.entries > 200 && tier.counters.evicted > 1000);
  });

  for (const isAskedFor of [true, false]) {
    const how = isAskedFor ? 'asked for each time' : 'that nobody asked for meanwhile';
    test(`keeps the newest variants of a key ${how}, at most so many`, () => {
      const tier = new MemoryTier(MIB, new PurgeLog());
      for (let at = 0; at < variantsMax + 5; at++) {
        tier.store(storedResponse('a', { varyKey: `${at}` }), new Uint8Array(1));
        if (isAskedFor) tier.find('a');
      }
      tier.store(storedResponse('a', { varyKey: '7' }), new Uint8Array(9));
      const { variants } = tier.find('a')!;
      const kept = variants.map(({ response }) => response.varyKey);
      assert.equal(kept.length, variantsMax);
      assert.deepEqual(kept.slice(0, 2), ['7', `${variantsMax + 4}`]);
      assert.equal(variants[0]!.body.byteLength, 9);
      assert.equal(tier.entries, 1);
    });
  }

  test('does not keep what is too heavy, and forgets what that would have replaced', () => {
    const tier = new MemoryTier(MIB, new PurgeLog());
    tier.store(storedResponse('a'), new Uint8Array(10));
    const returned = tier.store(storedResponse('a'), new Uint8Array(MIB));
    assert.equal(returned?.body.byteLength, MIB);
    assert.equal(tier.find('a'), null);
    assert.equal(tier.counters.refused, 1);
  });

  test('counts encodings, and gives up the entry when they do not fit', () => {
    const tier = new MemoryTier(MIB, new PurgeLog());
    tier.store(storedResponse('a'), new Uint8Array(1000));
    const variant = tier.find('a')!.variants[0]!;
    const before = tier.bytes;
    tier.addEncoding(variant, 'gzip', new Uint8Array(500));
    assert.ok(tier.bytes >= before + 500);
    assert.equal(tier.find('a')!.variants[0]!.encodings?.get('gzip')?.byteLength, 500);
    tier.addEncoding(variant, 'br', new Uint8Array(2 * MIB));
    assert.ok(tier.bytes <= MIB);
  });

  test('never holds on to a slab for a small body', () => {
    const tier = new MemoryTier(MIB, new PurgeLog());
    const slab = Buffer.alloc(64 * 1024, 'x');
    tier.store(storedResponse('a'), slab.subarray(10, 20));
    const { body } = tier.find('a')!.variants[0]!;
    assert.equal(body.buffer.byteLength, 10);
  });

  test('an answer of which a purge was not known when it was asked for is not kept', () => {
    const purges = new PurgeLog();
    const tier = new MemoryTier(MIB, purges);
    purges.add({ kind: 'tag', value: 'red', isSoft: false, generation: 7 });
    const stale = storedResponse('a', { tags: ['red'], generation: 6 });
    assert.equal(tier.store(stale, new Uint8Array(1)), null);
    assert.equal(tier.find('a'), null);
    tier.store({ ...stale, generation: 7 }, new Uint8Array(1));
    assert.equal(tier.find('a')?.variants.length, 1);
  });

  test('finds keys by their hash, wherever their answers are', () => {
    const memory = new MemoryTier(8 * MIB, new PurgeLog());
    const store = (key: string, varyKey = '') =>
      memory.store(storedResponse(key, { varyKey }), new Uint8Array(10));
    assert.deepEqual(memory.keysOf(keyHash('a')), []);
    store('a');
    store('a', 'x:=1\n');
    store('b');
    assert.deepEqual([...new Set(memory.keysOf(keyHash('a')))], ['a']);
    memory.find('a');
    store('a', 'x:=2\n');
    assert.deepEqual(memory.keysOf(keyHash('a')), ['a']);
    assert.deepEqual(memory.keysOf(keyHash('b')), ['b']);
    memory.remove('a');
    assert.deepEqual(memory.keysOf(keyHash('a')), []);
  });
});
