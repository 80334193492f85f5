// Answers as bytes: what comes out is what went in, and nothing else.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import type { StoredResponse } from '../../../../../src/core/cache.ts';
import { hash32 } from '../../../../../src/std/hash.ts';
import { PackedAnswers } from '../../../../../src/worker/cache/store/packed-answers.ts';
import { storedResponse } from '../../../../support/stored-response.ts';

const MIB = 2 ** 20;

function open(): PackedAnswers {
  let order = 0;
  const nextOrder = () => {
    order += 1;
    return order;
  };
  return PackedAnswers.open(MIB, { nextOrder, onEvict: () => {} })!;
}

/** A byte string: one character is one octet. */
const octets = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));
const time = fc.double({ min: 0, max: 8.64e15, noNaN: true });

describe('packed answers', () => {
  test('come out as they went in, once', () => {
    const answer = fc.record({
      key: octets,
      url: octets,
      route: octets,
      status: fc.integer({ min: 200, max: 599 }),
      headers: fc.array(octets, { maxLength: 20 }).filter(({ length }) => length % 2 === 0),
      bodyBytes: fc.nat(),
      vary: fc.array(octets, { maxLength: 4 }),
      varyKey: octets,
      tags: fc.array(octets, { maxLength: 4 }),
      generation: time,
      bornMs: time,
      storedAtMs: time,
      fetchMs: time,
      refreshFromMs: time,
      freshUntilMs: time,
      staleWhileRevalidateUntilMs: time,
      staleIfErrorUntilMs: time,
      keepUntilMs: time,
      etag: octets,
      lastModified: octets,
    }) satisfies fc.Arbitrary<StoredResponse>;
    fc.assert(
      fc.property(
        fc.uniqueArray(answer, { selector: ({ key }) => key, maxLength: 20 }),
        fc.uint8Array({ maxLength: 300 }),
        (answers, body) => {
          const packed = open();
          // All in one chain.
          for (const one of answers) assert.ok(packed.put(one, body, 7));
          for (const one of answers) {
            const [unpacked, ...others] = packed.take(one.key, 7)!;
            assert.deepEqual(unpacked!.response, { ...one });
            assert.deepEqual(Buffer.from(unpacked!.body), Buffer.from(body));
            assert.equal(unpacked!.body.buffer.byteLength, body.byteLength, 'a copy of its own');
            assert.equal(others.length, 0);
            assert.equal(packed.take(one.key, 7), null);
          }
          assert.equal(packed.length, 0);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('are left to others when they are long or have very many fields', () => {
    const packed = open();
    assert.equal(packed.put(storedResponse('long'), new Uint8Array(MIB / 16), 1), false);
    const headers = Array.from({ length: 600 }, () => 'a');
    assert.equal(packed.put(storedResponse('many', { headers }), new Uint8Array(1), 1), false);
    assert.equal(packed.length, 0);
  });

  test('that have texts in common come out as they went in, whatever was taken out before', () => {
    const changes = fc.record({
      /** Of another kind: more fields, tags, variants. */
      kind: fc.nat(3),
      etag: fc.constantFrom('', '"a"', '"b"'),
      field: fc.nat(39),
      value: octets,
      body: fc.nat(400),
    });
    fc.assert(
      fc.property(
        fc.array(changes, { minLength: 100, maxLength: 200 }),
        fc.boolean(),
        (all, isNewestFirst) => {
          const packed = open();
          const answers = all.map(({ kind, etag, field, value, body }, at) => {
            const headers = Array.from({ length: 40 - kind * 8 }, (_, one) => `text ${one}`);
            headers[Math.min(field, headers.length - 1)] = value;
            const [vary, tags] = [Array(kind).fill('accept'), Array(kind >> 1).fill('red')];
            const response = storedResponse(`key ${at}`, { etag, headers, vary, tags });
            return { response, body: Buffer.alloc(body, `${at}`) };
          });
          for (const { response, body } of answers) assert.ok(packed.put(response, body, 7));
          // Of one chain so many are found; what is taken out counts among them.
          const found = answers.slice(-64);
          for (const { response, body } of isNewestFirst ? found.toReversed() : found) {
            assert.deepEqual(packed.take(response.key, 7), [{ response, body }]);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('of one kind take less than the sum of them, and what differs each time does not change that', () => {
    const texts = Array.from({ length: 20 }, (_, at) => `a text of some length, ${at}`);
    const weights = [1, 5, 20].map((differing) => {
      const packed = open();
      for (let at = 0; at < 200; at++) {
        const headers = texts.map((text, place) => (place < differing ? `${text} ${at}` : text));
        assert.ok(packed.put(storedResponse(`${at}`, { headers }), new Uint8Array(9), at));
        // Those that are asked for in between come out whole.
        if (at % 10 > 0) continue;
        assert.deepEqual(packed.take(`${at}`, at)?.[0]?.response.headers, headers);
      }
      return packed.weight;
    });
    assert.ok(weights[0]! < weights[1]! && weights[1]! < weights[2]! / 2, `${weights}`);
  });

  test('to one key come out together, the newest first', () => {
    const packed = open();
    for (const [at, key] of ['a', 'b', 'a', 'a'].entries()) {
      packed.put(storedResponse(key, { etag: `"${at}"` }), new Uint8Array(at), 7);
    }
    const answers = packed.take('a', 7)!;
    assert.deepEqual(
      answers.map(({ response, body }) => [response.etag, body.byteLength]),
      [
        ['"3"', 3],
        ['"2"', 2],
        ['"0"', 0],
      ],
    );
    assert.equal(packed.take('a', 7), null);
    assert.equal(packed.take('b', 7)?.length, 1);
  });

  test('are forgotten by key', () => {
    const packed = open();
    for (const key of ['a', 'b', 'a']) {
      packed.put(storedResponse(key), new Uint8Array(9), hash32(key));
    }
    packed.remove('a', hash32('a'));
    assert.equal(packed.has('a', hash32('a')), false);
    assert.equal(packed.has('b', hash32('b')), true);
  });

  test('are not made within a budget of which one buffer is a large part, nor a huge one', () => {
    for (const bytes of [MIB - 1, 2 ** 37]) {
      assert.equal(PackedAnswers.open(bytes, { nextOrder: () => 0, onEvict: () => {} }), null);
    }
  });
});
