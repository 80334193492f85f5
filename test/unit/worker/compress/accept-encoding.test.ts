// What a client gets for its Accept-Encoding: cases of the RFC and of well-known libraries, and a model
// that knows nothing of the parser.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ContentCoding } from '../../../../src/core/compression.ts';
import {
  acceptsCoding,
  CodingChooser,
  type CodingWish,
  chooseCoding,
  parseAcceptEncoding,
} from '../../../../src/worker/compress/accept-encoding.ts';

const OFFERS: readonly ContentCoding[] = ['zstd', 'br', 'gzip'];

function wish(value: string): CodingWish {
  return { acceptEncoding: null, requestHeaders: ['accept-encoding', value] };
}

function chosen(value: string, offers = OFFERS): string {
  const { coding } = new CodingChooser(offers).choose(wish(value));
  return coding ?? 'identity';
}

describe('Accept-Encoding', () => {
  const cases: readonly [value: string, coding: string][] = [
    // RFC 9110 section 12.5.3
    ['compress, gzip', 'gzip'],
    ['', 'identity'],
    ['*', 'zstd'],
    ['compress;q=0.5, gzip;q=1.0', 'gzip'],
    ['gzip;q=1.0, identity; q=0.5, *;q=0', 'gzip'],
    // Browsers and tools
    ['gzip, deflate, br, zstd', 'zstd'],
    ['gzip, deflate, br', 'br'],
    ['gzip,deflate', 'gzip'],
    ['identity', 'identity'],
    ['deflate, gzip', 'gzip'],
    // Weights
    ['gzip;q=0.8, br;q=0.2', 'gzip'],
    ['gzip;q=0.001', 'gzip'],
    ['gzip;q=0', 'identity'],
    ['gzip;q=0.000', 'identity'],
    ['identity;q=1, gzip;q=0.5', 'identity'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['*;q=0.5, gzip;q=0.1', 'zstd'],
    ['*;q=0', 'identity'],
    ['identity;q=0, *;q=0', 'identity'],
    ['zstd;q=0, *', 'br'],
    ['zstd;q=0, br;q=0, *;q=0.1', 'gzip'],
    // Spelling
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    [' gzip ; Q=0.5 ', 'gzip'],
    ['gzip;q=0.5;level=9', 'gzip'],
    [',,gzip,,', 'gzip'],
    ['gzip;q=0, x-gzip', 'gzip'],
    // Not a weight: the element does not count
    ['gzip;q=2', 'identity'],
    ['gzip;q=-1', 'identity'],
    ['gzip;q=0.5555', 'identity'],
    ['gzip;q=', 'identity'],
    ['gzip;q=abc, br', 'br'],
    ['gzipx', 'identity'],
    ['brotli', 'identity'],
  ];
  for (const [value, coding] of cases) {
    it(`'${value}' gets ${coding}`, () => assert.equal(chosen(value), coding));
  }

  it('is none when the client says nothing, and of several lines one list', () => {
    const chooser = new CodingChooser(OFFERS);
    assert.equal(
      chooser.choose({ acceptEncoding: null, requestHeaders: ['host', 'a'] }).coding,
      null,
    );
    const lines = ['accept-encoding', 'br;q=0.1', 'x', 'y', 'accept-encoding', 'gzip'];
    assert.equal(chooser.choose({ acceptEncoding: null, requestHeaders: lines }).coding, 'gzip');
  });

  it('goes by the order of the route where weights are the same', () => {
    assert.equal(chosen('gzip, br, zstd', ['gzip', 'br']), 'gzip');
    assert.equal(chosen('zstd, br', ['gzip']), 'identity');
  });

  it('goes by what was kept of it before it goes by the fields', () => {
    const chooser = new CodingChooser(OFFERS);
    const kept = { acceptEncoding: 'br', requestHeaders: ['accept-encoding', 'gzip'] };
    assert.equal(chooser.choose(kept).coding, 'br');
    assert.equal(chooser.choose({ ...kept, acceptEncoding: '' }).coding, null);
  });

  it('tells who does not want the body as it is', () => {
    const chooser = new CodingChooser(OFFERS);
    const refuses = (value: string) => chooser.choose(wish(value)).refusesIdentity;
    assert.equal(refuses('gzip, identity;q=0'), true);
    assert.equal(refuses('gzip, *;q=0'), true);
    assert.equal(refuses('gzip, identity;q=0.1, *;q=0'), false);
    assert.equal(refuses('gzip'), false);
  });

  it('remembers, within bounds, and does not read what nobody would send', () => {
    const chooser = new CodingChooser(OFFERS);
    for (let at = 0; at < 500; at++) {
      assert.equal(chooser.choose(wish(`gzip;v=${at}`)).coding, 'gzip');
    }
    const long = `${'x,'.repeat(600)}gzip`;
    assert.equal(chooser.choose(wish(long)).coding, null);
    assert.equal(acceptsCoding(wish(long), 'gzip'), false);
  });

  it('accepts for decoding only what is named, or covered by an asterisk', () => {
    assert.equal(acceptsCoding({ acceptEncoding: null, requestHeaders: [] }, 'gzip'), false);
    assert.equal(acceptsCoding(wish('br'), 'gzip'), false);
    assert.equal(acceptsCoding(wish('*'), 'gzip'), true);
    assert.equal(acceptsCoding(wish('*, gzip;q=0'), 'gzip'), false);
    assert.equal(acceptsCoding(wish('x-gzip'), 'gzip'), true);
  });
});

// A model: of all bodies the server could send, the one that the client rates highest.
describe('the choice', () => {
  const names = ['zstd', 'br', 'gzip', 'identity', '*', 'deflate'] as const;
  const wishes = fc.dictionary(fc.constantFrom(...names), fc.integer({ min: 0, max: 1000 }));
  const offers = fc.shuffledSubarray([...OFFERS], { minLength: 1 });

  function rating(wish: Record<string, number>, coding: string): number {
    if (wish[coding] !== undefined) return wish[coding];
    if (wish['*'] !== undefined) return wish['*'];
    // Not mentioned: identity is acceptable, but nothing is liked less.
    return coding === 'identity' ? 0.5 : 0;
  }

  function expected(wish: Record<string, number>, offered: readonly string[]): string {
    let best = 'identity';
    for (const coding of [...offered].reverse()) {
      const better = best === 'identity' ? rating(wish, coding) > 0 : true;
      if (better && rating(wish, coding) >= rating(wish, best)) best = coding;
    }
    return best;
  }

  function written(wish: Record<string, number>): string {
    return Object.entries(wish)
      .map(([name, weight]) => `${name};q=${(weight / 1000).toFixed(3)}`)
      .join(', ');
  }

  it('is what the client rates highest, and the first of the route among equals', () => {
    fc.assert(
      fc.property(wishes, offers, (wish, offered) => {
        const { coding, refusesIdentity } = chooseCoding(
          parseAcceptEncoding(written(wish)),
          offered,
        );
        assert.equal(coding ?? 'identity', expected(wish, offered));
        assert.equal(refusesIdentity, rating(wish, 'identity') === 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('is never one that the route does not offer or the client refuses, whatever it sends', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), offers, (value, offered) => {
        const { coding } = new CodingChooser(offered).choose(wish(value));
        if (coding === null) return;
        assert.ok(offered.includes(coding));
        assert.ok(acceptsCoding(wish(value), coding));
      }),
      { numRuns: 1000 },
    );
  });
});
