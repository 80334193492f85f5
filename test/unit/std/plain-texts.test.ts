// Texts that are remembered as plain: never one that is not, whatever was seen before.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PlainTexts } from '../../../src/std/plain-texts.ts';

describe('plain texts', () => {
  it('are told from others, also where they share a place', () => {
    const texts = new PlainTexts((text) => !/[^a-c]/.test(text));
    // Few characters and lengths: the same places again and again.
    const text = fc.string({
      unit: fc.constantFrom('a', 'b', 'c', '#', '\xe9', '\u010a'),
      maxLength: 5,
    });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 50 }), (all) => {
        for (const one of all) {
          assert.equal(texts.find(one), /[^a-c]/.test(one) ? null : one);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('of the same length and ends are different texts', () => {
    const texts = new PlainTexts((text) => !text.includes('#'));
    assert.equal(texts.find('/a/bcde'), '/a/bcde');
    assert.equal(texts.find('/#/bcde'), null);
    assert.equal(texts.find('/x/bcde'), '/x/bcde');
    assert.equal(texts.find('/a/bcde'), '/a/bcde');
  });

  it('of any length are found', () => {
    const texts = new PlainTexts((text) => !text.includes('#'));
    const long = 'x'.repeat(10_000);
    for (let times = 0; times < 2; times++) {
      assert.equal(texts.find(''), '');
      assert.equal(texts.find(long), long);
      assert.equal(texts.find(`${long}#`), null);
    }
  });

  it('are kept from the second time on, whatever comes once in between', () => {
    let looks = 0;
    const texts = new PlainTexts(() => {
      looks += 1;
      return true;
    });
    const looksFor = (text: string) => {
      const before = looks;
      assert.equal(texts.find(text), text);
      return looks - before;
    };
    assert.deepEqual(
      [1, 2, 3].map(() => looksFor('/again')),
      [1, 1, 0],
    );
    // The same length, last and middle character: the same place.
    for (const once of ['/bgain', '/cgain', '/dgain']) assert.equal(looksFor(once), 1);
    assert.equal(looksFor('/again'), 0);
  });
});
