// Texts that come again: read once, and whatever came before, read right.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TextMemo } from '../../../src/std/text-memo.ts';
import { testSeed } from '../../support/random.ts';

describe('what is made of a text', () => {
  it('is made once', () => {
    const made: string[] = [];
    const memo = new TextMemo((text) => {
      made.push(text);
      return { text };
    });
    made.length = 0;
    const first = memo.of('a');
    memo.of('b');
    assert.equal(memo.of('a'), first);
    assert.deepEqual(made, ['a', 'b']);
  });

  it('is made each time where the text is long, and leaves no trace', () => {
    let count = 0;
    const memo = new TextMemo((text) => {
      count += 1;
      return text.length;
    });
    memo.of('a');
    const before = count;
    for (let n = 0; n < 3; n++) assert.equal(memo.of('x'.repeat(1025)), 1025);
    memo.of('a');
    assert.equal(count, before + 3);
  });

  it('is what the function makes, in any order and of however many', () => {
    const memo = new TextMemo((text) => `<${text}>`);
    // More than are remembered, of which some come often.
    const numbers = fc.oneof(fc.nat(3), fc.nat(1000));
    const texts = fc.array(fc.tuple(numbers, fc.boolean()), { maxLength: 1000 });
    fc.assert(
      fc.property(texts, (list) => {
        for (const [number, isPiece] of list) {
          // A piece of a longer text, as fields of a head are.
          const text = isPiece ? `name: value ${number}`.slice(6) : `value ${number}`;
          assert.equal(memo.of(text), `<value ${number}>`);
        }
      }),
      { seed: testSeed(), numRuns: 20 },
    );
  });

  it('may be nothing, and is remembered as that', () => {
    let count = 0;
    const memo = new TextMemo((): null => {
      count += 1;
      return null;
    });
    const before = count;
    for (const text of ['a', 'b', 'a', 'b']) assert.equal(memo.of(text), null);
    assert.equal(count, before + 2);
  });
});
