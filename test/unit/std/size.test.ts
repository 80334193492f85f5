// Sizes: what is read, what is refused, and that writing and reading agree.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatSize, parseSize } from '../../../src/std/size.ts';

describe('parseSize', () => {
  const readable: [string, number][] = [
    ['0', 0],
    ['512', 512],
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['10MB', 10_000_000],
    ['10kB', 10_000],
    ['10KB', 10_000],
    ['1.5KiB', 1536],
    ['2GiB', 2_147_483_648],
    ['1TiB', 1_099_511_627_776],
  ];
  for (const [text, sizeBytes] of readable) {
    it(`reads ${text} as ${sizeBytes} bytes`, () => {
      assert.equal(parseSize(text), sizeBytes);
    });
  }

  for (const text of [
    '',
    'KiB',
    '64K',
    '64 KiB',
    '-1',
    '1kb',
    '1kib',
    '1e3',
    '1_000',
    '9999999TiB',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(parseSize(text), null);
    });
  }

  it('reads back whatever formatSize writes', () => {
    const sizes = fc.oneof(
      fc.nat(),
      fc.maxSafeNat(),
      fc.nat({ max: 4096 }).map((n) => n * 1024),
    );
    fc.assert(
      fc.property(sizes, (sizeBytes) => {
        assert.equal(parseSize(formatSize(sizeBytes)), sizeBytes);
      }),
    );
  });
});

describe('formatSize', () => {
  it('writes the largest unit that fits exactly', () => {
    assert.equal(formatSize(65_536), '64KiB');
    assert.equal(formatSize(1_048_576), '1MiB');
    assert.equal(formatSize(10_000_000), '10MB');
    assert.equal(formatSize(1537), '1537');
    assert.equal(formatSize(0), '0');
  });
});
