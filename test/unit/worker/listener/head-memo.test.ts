// Whatever came before: what is borrowed is what would have been built for this response alone.
//
// The attack: a client (or peer) arranges that a head almost like another's is sent right after it, and
// reads in its own response what was meant for somebody else (a cookie), or gets a line of its own in.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HeadMemo } from '../../../../src/worker/listener/uws/head-memo.ts';
import { CORKED_HEAD_BYTES, headBytes } from '../../../../src/worker/listener/uws/response-head.ts';

type Head = readonly [status: number, headers: string[]];

function asBytes(head: string | Buffer): string {
  return head.toString('latin1');
}

/** Borrows each and compares it at once, as it is only lent; returns how many came as bytes. */
function sendAll(heads: readonly Head[], memo = new HeadMemo()): number {
  let lent = 0;
  for (const [status, headers] of heads) {
    const given = headers.slice();
    const borrowed = memo.borrow(status, headers);
    if (typeof borrowed !== 'string') lent += 1;
    // ASCII strings are the only ones that the engine's UTF-8 encodes to the same bytes.
    else assert.match(borrowed, /^[\r\n\t -~]*$/);
    assert.equal(asBytes(borrowed), asBytes(headBytes(status, headers, '')));
    assert.deepEqual(headers, given);
  }
  return lent;
}

// Few names and values, so that heads are alike in most ways and differ in one; the odd one out is
// longer, moved over the border of name and value, not ASCII, forbidden, or no byte at all.
const name = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'b', 'ab', 'set-cookie') },
  { weight: 1, arbitrary: fc.constantFrom('a:', '', 'a\r\nb', '\xe9') },
);
const value = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('', '0', '1', '2', '10', '11', 'b: 1', '1\t', 'a: 1') },
  { weight: 4, arbitrary: fc.constantFrom('\xff', '1\xe9', '1\x7f', '\x80', '1\x01', '\xa0: 1') },
  { weight: 2, arbitrary: fc.constantFrom('\r', '\n', '\0', '1\n', '\r\n', 'b\r\n1', '1\r\nb: 1') },
  { weight: 1, arbitrary: fc.constantFrom('\u010a', '1\u010d', '\u20ac', '\ud83d\ude00') },
  { weight: 1, arbitrary: fc.constantFrom('1'.repeat(CORKED_HEAD_BYTES), '2'.repeat(8180)) },
);
// 200 and 232 share a slot.
const status = fc.constantFrom(200, 200, 200, 201, 232, 404, 999, 1000);
const field = fc.tuple(name, value);
const head: fc.Arbitrary<Head> = fc
  .tuple(status, fc.array(field, { maxLength: 4 }))
  .map(([code, fields]) => [code, fields.flat()]);

/** A head, others that differ from it in one value, and it again: what the memo writes over. */
const family: fc.Arbitrary<Head[]> = fc
  .tuple(head, fc.array(fc.tuple(fc.nat(), value), { maxLength: 20 }))
  .map(([[code, headers], changes]) =>
    changes.flatMap(([where, changed]): Head[] => {
      const next = headers.slice();
      if (next.length > 0) next[(((where % next.length) >> 1) << 1) + 1] = changed;
      return where % 3 === 0
        ? [
            [code, next],
            [code, headers],
          ]
        : [[code, next]];
    }),
  );

describe('HeadMemo', () => {
  // Without rests, which would hide most of what could go wrong; and as it is.
  for (const restHeads of [0, undefined]) {
    describe(restHeads === 0 ? 'that never rests' : 'that rests', () => {
      it('lends exactly what would have been built, after any heads', () => {
        const property = fc.property(fc.array(head, { maxLength: 60 }), (heads) => {
          sendAll(heads, new HeadMemo(restHeads));
        });
        fc.assert(property, { numRuns: 300 });
      });

      it('lends exactly what would have been built, when families of heads alternate', () => {
        const property = fc.property(fc.array(family, { minLength: 1, maxLength: 3 }), (all) => {
          const memo = new HeadMemo(restHeads);
          for (const each of all) sendAll(each, memo);
          const longest = Math.max(...all.map((each) => each.length));
          for (let at = 0; at < longest; at++) {
            sendAll(
              all.flatMap((each) => each.slice(at, at + 1)),
              memo,
            );
          }
        });
        fc.assert(property, { numRuns: 300 });
      });
    });
  }

  it('writes over values of equal length in place, there and back', () => {
    const memo = new HeadMemo();
    const first = memo.borrow(200, ['a', '1', 'set-cookie', 'secret', 'b', '']);
    const second = memo.borrow(200, ['a', '2', 'set-cookie', 't\xe9rces', 'b', '']);
    assert.equal(first, second, 'the same buffer');
    assert.equal(asBytes(second), '200 OK\r\na: 2\r\nset-cookie: t\xe9rces\r\nb: ');
    const alike = Array.from({ length: 20 }, (_, at): Head => [200, ['a', `${at % 2}`]]);
    assert.equal(sendAll(alike, memo), 20);
  });

  it('forgets a head that it was writing over when it met a forbidden character', () => {
    const secret: Head = [200, ['a', '1', 'set-cookie', 'secret']];
    for (const forbidden of ['abcre\r', 'ab\0cde', 'abc\n: ', 'ab\u010acd', 'ab\x01cde']) {
      const memo = new HeadMemo(0);
      const half: Head = [200, ['a', '2', 'set-cookie', forbidden]];
      sendAll([secret, half, secret, [200, ['a', '2', 'set-cookie', 'tercet']], half, half], memo);
      sendAll([secret, half, [200, ['a', '1', 'set-cookie', 'secreT']]], memo);
    }
  });

  it('compares all of a head after one of its fields did not fit', () => {
    const sequence: Head[] = [
      [200, ['a', '1', 'b', '1']],
      [200, ['a', '2', 'b', '22']],
      [200, ['a', '2', 'b', '1']],
      [200, ['a', '3', 'c', '1']],
      [200, ['a', '1', 'b', '1']],
    ];
    sendAll(sequence, new HeadMemo(0));
    const again = [...sequence, ...sequence.toReversed(), ...sequence];
    sendAll(again, new HeadMemo(0));
  });

  it('tells a head from one that goes on behind it', () => {
    // 32 fields more share its slot.
    const few: Head = [200, ['a', '1']];
    const many: Head = [200, [...few[1], ...Array.from({ length: 64 }, (_, at) => `x${at}`)]];
    sendAll([few, many, few, few, many, many, few], new HeadMemo(0));
  });

  it('does not look at the list of an earlier response again', () => {
    const memo = new HeadMemo();
    const list = ['a', '1'];
    for (const changed of ['1', '2', '2', '1', '11', '1']) {
      list[1] = changed;
      assert.equal(asBytes(memo.borrow(200, list)), `200 OK\r\na: ${changed}`);
    }
  });

  it('takes over the strings of a later list without writing into it, or being written into', () => {
    const memo = new HeadMemo();
    const kept = ['a', 'one text', 'b', '0'];
    const again: Head[] = Array.from({ length: 100 }, () => [200, kept]);
    assert.equal(sendAll(again, memo), 100);
    const others = Array.from({ length: 300 }, (_, at): Head => {
      return [200, ['a', at % 70 === 0 ? 'two text' : `one ${'text'}`, 'b', `${at % 7}`]];
    });
    assert.equal(sendAll([...others, ...again], memo), 400);
    assert.deepEqual(kept, ['a', 'one text', 'b', '0']);
  });

  it('leaves heads alone for a while that never repeat, and comes back', () => {
    const memo = new HeadMemo(64);
    const different = Array.from({ length: 20 }, (_, at): Head => [200, ['a', 'x'.repeat(at)]]);
    assert.equal(sendAll(different, memo), 3);
    const alike = Array.from({ length: 100 }, (_, at): Head => [200, ['a', `${1000 + at}`]]);
    assert.equal(sendAll(alike, memo), 100 - (64 - 17));
  });

  it('does not rest for single misses among many heads that fit', () => {
    const mostly = Array.from({ length: 90 }, (_, at): Head => {
      return [200, ['a', at % 30 < 3 ? `${at}` : 'alike', 'b', at % 3 === 0 ? 'x' : 'y']];
    }).filter(([, [, text]], at) => text === 'alike' || at % 30 === 0);
    assert.equal(sendAll(mostly), mostly.length);
  });

  it('does not keep heads that are too long for one cork', () => {
    const long: Head = [200, ['a', '1'.repeat(CORKED_HEAD_BYTES)]];
    assert.equal(sendAll([long, long, long]), 0);
  });
});
