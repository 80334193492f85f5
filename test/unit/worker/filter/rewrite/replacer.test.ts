// Replacing in pieces: the same outcome as for the whole, whatever the pieces, and what is held is bounded.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BoundedRegex } from '../../../../../src/routing/bounded-regex.ts';
import { HtmlReplacer } from '../../../../../src/worker/filter/rewrite/html-replacer.ts';
import {
  RegexReplacer,
  type Replacer,
  ReplacerChain,
  TextReplacer,
} from '../../../../../src/worker/filter/rewrite/replacer.ts';

function replaced(replacer: Replacer, pieces: readonly string[]): string {
  return pieces.map((piece) => replacer.push(piece)).join('') + replacer.finish();
}

function inPieces(text: string, cuts: readonly number[]): string[] {
  const places = cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((from, at) => text.slice(from, places[at] ?? text.length));
}

const cuts = fc.array(fc.nat(), { maxLength: 8 });

describe('TextReplacer', () => {
  const pairs = [
    { from: 'aba', to: 'X' },
    { from: 'ab', to: 'Y' },
    { from: 'bb', to: '' },
    { from: '$&', to: '[$&]' },
  ];

  it('agrees with one pass over the whole', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '$', '&'), maxLength: 60 });
    fc.assert(
      fc.property(text, cuts, (whole, at) => {
        const outcome = replaced(new TextReplacer(pairs), inPieces(whole, at));
        const wanted = whole.replaceAll(/aba|ab|bb|\$&/g, (one) => {
          return pairs.find(({ from }) => from === one)!.to;
        });
        assert.equal(outcome, wanted);
      }),
    );
  });

  it('gives out all but what could begin a match', () => {
    const replacer = new TextReplacer([{ from: 'needle', to: 'pin' }]);
    assert.equal(replacer.push('0123456789').length, 5);
    assert.equal(replacer.push('').length, 0);
  });
});

describe('RegexReplacer', () => {
  const make = (pattern: string, to = '<>') =>
    new RegexReplacer(new BoundedRegex(pattern), ([whole]) => to.replace('0', whole!));

  it('comes to the same whatever the pieces, across windows too', () => {
    const filler = 'x'.repeat(4090);
    const whole = `ab12ab${filler}ab345${filler}ab6ab7${filler}ab`;
    const wanted = replaced(make('ab[0-9]+', '(0)'), [whole]);
    assert.equal(wanted, whole.replaceAll(/ab[0-9]+/g, '($&)'));
    fc.assert(
      fc.property(cuts, (at) => {
        assert.equal(replaced(make('ab[0-9]+', '(0)'), inPieces(whole, at)), wanted);
      }),
      { numRuns: 30 },
    );
  });

  it('takes the beginning for the beginning of the body alone', () => {
    const whole = `a${'a'.repeat(20_000)}`;
    const outcome = replaced(make('^a', 'b'), [whole.slice(0, 5), whole.slice(5)]);
    assert.equal(outcome, `b${'a'.repeat(20_000)}`);
  });

  it('goes on behind empty matches', () => {
    assert.equal(replaced(make('x*', '-'), ['axb']), 'axb'.replaceAll(/x*/g, '-').slice(0, -1));
  });
});

describe('HtmlReplacer', () => {
  const rule = {
    tags: new Set(['a', 'img']),
    attributes: new Set(['href', 'src']),
    from: 'http://in/',
    to: '/',
  };
  const make = () => new HtmlReplacer([rule]);

  const cases: readonly (readonly [string, string])[] = [
    ['<a href="http://in/x">', '<a href="/x">'],
    ["<A HREF='http://in/x'>", "<A HREF='/x'>"],
    ['<img src=http://in/x.png>', '<img src=/x.png>'],
    ['<img/src="http://in/"/>', '<img/src="/"/>'],
    ['<a\n\thref = " http://in/x">', '<a\n\thref = " /x">'],
    [
      '<a title="http://in/" href=http://in/?a=1&amp;b=2>',
      '<a title="http://in/" href=/?a=1&amp;b=2>',
    ],
    ['<link href="http://in/">', '<link href="http://in/">'],
    ['text http://in/ <b>x</b>', 'text http://in/ <b>x</b>'],
    ['<!-- <a href="http://in/"> -->', '<!-- <a href="http://in/"> -->'],
    [
      '<script>if (a<b) x="<a href=\'http://in/\'>"</script>',
      '<script>if (a<b) x="<a href=\'http://in/\'>"</script>',
    ],
    ['<a href="http://in/', '<a href="http://in/'],
    ['<a href="http://other/http://in/">', '<a href="http://other/http://in/">'],
    ['a < b <', 'a < b <'],
  ];
  for (const [page, wanted] of cases) {
    it(`makes ${JSON.stringify(wanted)} of ${JSON.stringify(page)}, whatever the pieces`, () => {
      assert.equal(replaced(make(), [page]), wanted);
      assert.equal(replaced(make(), [...page]), wanted);
    });
  }

  it('passes any page byte for byte but for its attributes', () => {
    const bits = [
      '<',
      '>',
      '<a ',
      'href=',
      '"',
      "'",
      'http://in/',
      '<!--',
      '-->',
      '</a>',
      '<script>',
    ];
    const page = fc.array(fc.constantFrom(...bits, '</script>', ' ', 'x', '\xe9', '&amp;'), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(page, cuts, (parts, at) => {
        const whole = parts.join('');
        const once = replaced(make(), [whole]);
        assert.equal(replaced(make(), inPieces(whole, at)), once);
        // Put the same beginning back: nothing else may have changed.
        assert.equal(replaced(new HtmlReplacer([{ ...rule, to: rule.from }]), [whole]), whole);
      }),
      { numRuns: 1000 },
    );
  });

  it('holds no more than one tag, and not an endless one', () => {
    const replacer = make();
    replacer.push('<a href="');
    let given = 0;
    for (let turn = 0; turn < 64; turn++) given += replacer.push('x'.repeat(1024)).length;
    assert.ok(given > 32 * 1024, String(given));
  });
});

describe('ReplacerChain', () => {
  it('gives each what the one before made', () => {
    const chain = new ReplacerChain([
      new TextReplacer([{ from: 'ab', to: 'bc' }]),
      new TextReplacer([{ from: 'bc', to: 'X' }]),
    ]);
    assert.equal(replaced(chain, ['a', 'b', 'b', 'c']), 'XX');
  });
});
