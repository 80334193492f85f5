// Reading Cache-Control and the dates beside it, odd spellings included.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Directives, parseCacheControl } from '../../../../src/worker/cache/cache-control.ts';
import { parseHttpDate, parseRepeatedDate } from '../../../../src/worker/cache/http-date.ts';
import { parseDictionary, parseStrings } from '../../../../src/worker/cache/structured-fields.ts';
import { testSeed } from '../../../support/random.ts';
import { NOON_MS } from './cache-world.ts';

function reads(text: string, expected: Partial<Directives>): void {
  const found = parseCacheControl(text);
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(found[name as keyof Directives], value, `${name} in ${text}`);
  }
}

describe('parseCacheControl', () => {
  it('takes names in any case and values in either form', () => {
    reads('Max-Age=10, NO-STORE', { maxAge: 10, noStore: true });
    reads('max-age="10"', { maxAge: 10 });
    reads('max-age="1\\0"', { maxAge: 10 });
    reads(',, max-age=10 ,\t s-maxage=5 ,', { maxAge: 10, sharedMaxAge: 5 });
    reads('max-stale', { maxStale: Number.POSITIVE_INFINITY });
  });

  it('knows a comma in quotes from one between directives', () => {
    reads('private="a, b", max-age=5', { isPrivate: false, withheld: ['a', 'b'], maxAge: 5 });
    reads('ext="no-store, private", max-age=5', { noStore: false, isPrivate: false, maxAge: 5 });
    reads('ext="\\", no-store", max-age=5', { noStore: false, maxAge: 5 });
  });

  it('takes qualified forms for unqualified ones where they name nothing', () => {
    reads('no-cache=""', { noCache: true, withheld: [] });
    reads('private=set-cookie', { isPrivate: true });
    reads('no-cache="a", no-cache', { noCache: true, withheld: ['a'] });
  });

  it('takes an invalid lifetime for none, and the first of several', () => {
    for (const value of ['', '=', '=-1', '=1.5', '=abc', "='10'", '=10x', '="10"x']) {
      reads(`max-age${value}`, { maxAge: 0 });
    }
    reads('max-age=1, max-age=100', { maxAge: 1 });
    reads('max-age=99999999999999999999', { maxAge: 2 ** 31 });
    reads('max-age =10', { maxAge: 10 });
    reads('max-age= 10', { maxAge: 0 });
  });

  it('stores nothing when a string has no end', () => {
    reads('ext="abc, max-age=10', { noStore: true });
    reads('private="set-cookie', { noStore: true });
  });

  it('never throws, and never finds what no name in the text says', () => {
    const bytes = fc.string({
      unit: fc.integer({ min: 1, max: 255 }).map((n) => String.fromCharCode(n)),
    });
    fc.assert(
      fc.property(bytes, (text) => {
        const found = parseCacheControl(text);
        if (found.isPublic) assert.match(text, /public/i);
        if (found.maxAge > 0) assert.match(text, /max-age/i);
        if (/^\s*no-store\s*(,|$)/i.test(text)) assert.equal(found.noStore, true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('parseHttpDate', () => {
  it('reads the three forms', () => {
    const ms = Date.UTC(1994, 10, 6, 8, 49, 37);
    for (const text of [
      'Sun, 06 Nov 1994 08:49:37 GMT',
      'Sunday, 06-Nov-94 08:49:37 GMT',
      'Sun Nov  6 08:49:37 1994',
    ]) {
      assert.equal(parseHttpDate(text, NOON_MS), ms);
    }
  });

  it('reads what it writes', () => {
    const dates = fc.date({
      min: new Date(0),
      max: new Date('9999-12-31T00:00:00Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (date) => {
        const ms = Math.floor(date.getTime() / 1000) * 1000;
        assert.equal(parseHttpDate(date.toUTCString(), NOON_MS), ms);
      }),
    );
  });

  it('reads of almost-dates what the engine reads and would write just so', () => {
    const almost = fc
      .tuple(
        fc.constantFrom('Tue, 29 Feb 2000 23:59:59 GMT', 'Mon, 01 Jan 2001 00:00:01 GMT'),
        fc.nat(28),
        fc.constantFrom(...'0123456789 :,GMTaAFebn'),
      )
      .map(([text, at, char]) => text.slice(0, at) + char + text.slice(at + 1));
    fc.assert(
      fc.property(almost, (text) => {
        const ms = parseHttpDate(text, NOON_MS);
        // Years below 100 are others to the engine, in this form. Nobody checks the day of the week.
        const [, day, month, year, time] = /, (..) (Feb|Jan) (....) (.*) GMT$/.exec(text) ?? [];
        const theirs = Date.parse(`${year}-${month === 'Jan' ? '01' : '02'}-${day}T${time}Z`);
        const isRight =
          /^(Mon|Tue)/.test(text) && new Date(theirs).toUTCString().slice(3) === text.slice(3);
        assert.ok(Object.is(ms, isRight ? theirs : Number.NaN), text);
      }),
      { numRuns: 2000, seed: testSeed() },
    );
    assert.equal(parseHttpDate('Sat, 29 Feb 2028 23:59:60 GMT', NOON_MS), Date.UTC(2028, 2, 1));
    assert.equal(parseHttpDate('Sat, 01 Jan 0000 00:00:00 GMT', NOON_MS), -62_167_219_200_000);
  });

  it('reads repeated ones as others', () => {
    const texts = ['Sat, 21 Nov 2026 12:00:00 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', '0', ''];
    for (const text of [...texts, ...texts, ...texts].sort()) {
      for (const nowMs of [NOON_MS, Date.UTC(1930, 0)]) {
        assert.ok(Object.is(parseRepeatedDate(text, nowMs), parseHttpDate(text, nowMs)), text);
      }
    }
  });

  it('reads nothing else', () => {
    for (const text of [
      '',
      '0',
      '-1',
      '1800000000',
      'tomorrow',
      '2026-11-21T12:00:00Z',
      'Sat, 21 Nov 2026 12:00:00',
      'Sat, 21 Nov 2026 12:00:00 UTC',
      'Sat, 21 Nov 2026 12:00:00 +0000',
      'sat, 21 nov 2026 12:00:00 gmt',
      'Sat, 31 Feb 2026 12:00:00 GMT',
      'Sat, 21 Nov 2026 24:00:00 GMT',
      'Sat, 21 Nov 2026 23:59:61 GMT',
      'Thu, 29 Feb 2100 12:00:00 GMT',
      ' Sat, 21 Nov 2026 12:00:00 GMT',
      'Sat, 21 Nov 2026 12:00:00 GMT, Sun, 22 Nov 2026 12:00:00 GMT',
    ]) {
      assert.ok(Number.isNaN(parseHttpDate(text, NOON_MS)), text);
    }
  });
});

describe('structured fields', () => {
  it('are read as the RFC says, or not at all', () => {
    const members = parseDictionary('max-age=60, private, a;x=1;y, b="c\\"d", e=?0');
    assert.deepEqual(
      [...members!],
      [
        ['max-age', 60],
        ['private', true],
        ['a', true],
        ['b', 'c"d'],
        ['e', false],
      ],
    );
    for (const bad of [
      'Max-Age=60',
      'max-age=60,',
      'max-age="',
      'a b',
      'max-age=',
      'a=1 b=2',
      '=1',
    ]) {
      assert.equal(parseDictionary(bad), null, bad);
    }
    assert.deepEqual(parseStrings('"a", "b;c";x, tok, "d"'), ['a', 'b;c', 'd']);
    assert.equal(parseStrings('"a", "b'), null);
  });
});
