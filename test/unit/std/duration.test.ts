// Durations: what is read, what is refused, and that writing and reading agree.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../../src/std/duration.ts';

describe('parseDuration', () => {
  const readable: [string, number][] = [
    ['250ms', 250],
    ['30s', 30_000],
    ['1m', 60_000],
    ['1m30s', 90_000],
    ['1h', 3_600_000],
    ['2d', 172_800_000],
    ['1d2h3m4s5ms', 93_784_005],
    ['1.5s', 1500],
    ['0.25h', 900_000],
    ['0s', 0],
    ['5m5ms', 300_005],
  ];
  for (const [text, durationMs] of readable) {
    it(`reads ${text} as ${durationMs} ms`, () => {
      assert.equal(parseDuration(text), durationMs);
    });
  }

  const refused = [
    '',
    's',
    '30',
    '30 s',
    '-1s',
    '1s1s',
    '1s1m',
    '1e3s',
    '30sec',
    '1.ms',
    '.5s',
    '١s',
  ];
  for (const text of [...refused, ' 1s', '1s\n', '99999999999999999d', `${'1'.repeat(70)}s`]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseDuration(text), null);
    });
  }

  it('reads back whatever formatDuration writes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 12 }), (durationMs) => {
        assert.equal(parseDuration(formatDuration(durationMs)), durationMs);
      }),
    );
  });

  it('never throws and never returns a fraction, whatever the text', () => {
    const alphabet = fc.constantFrom(...'0123456789.smhd -');
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 80 }), (text) => {
        const durationMs = parseDuration(text);
        assert.ok(durationMs === null || (Number.isSafeInteger(durationMs) && durationMs >= 0));
      }),
    );
  });
});

describe('formatDuration', () => {
  it('writes the shortest form', () => {
    assert.equal(formatDuration(30_000), '30s');
    assert.equal(formatDuration(90_000), '1m30s');
    assert.equal(formatDuration(3_600_000), '1h');
    assert.equal(formatDuration(250), '250ms');
    assert.equal(formatDuration(0), '0s');
  });
});
