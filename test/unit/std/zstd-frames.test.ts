// Where the frames of a zstd stream end, and whether it is complete, told from its frames alone.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import { ZstdFrames } from '../../../src/std/zstd-frames.ts';

function isComplete(stream: Uint8Array, chunkBytes: number): boolean {
  const frames = new ZstdFrames();
  for (let at = 0; at < stream.length; at += chunkBytes) {
    let rest = stream.subarray(at, at + chunkBytes);
    while (rest.length > 0) rest = rest.subarray(frames.see(rest));
  }
  return frames.isComplete;
}

const text = Buffer.from(Array.from({ length: 60_000 }, (_, at) => `${at * at} `).join(''));
const streams: readonly [what: string, stream: Buffer][] = [
  ['nothing', zstdCompressSync(Buffer.alloc(0))],
  ['a few bytes', zstdCompressSync(Buffer.from('abc'))],
  ['zeros', zstdCompressSync(Buffer.alloc(300_000))],
  ['text of several blocks', zstdCompressSync(text)],
  ['a checksum', zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
  ['no size', zstdCompressSync(text, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } })],
  ['a known size', zstdCompressSync(text, { pledgedSrcSize: text.length })],
  [
    'two frames and one to skip',
    Buffer.concat([
      zstdCompressSync(text),
      Buffer.from([0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]),
      zstdCompressSync(Buffer.from('more')),
    ]),
  ],
];

describe('the frames of a zstd stream', () => {
  for (const [what, stream] of streams) {
    it(`are complete at the end and nowhere before, of ${what}`, () => {
      for (const chunkBytes of [stream.length, 1000, 1]) {
        assert.ok(isComplete(stream, chunkBytes));
        const cuts = [1, 2, 3, 4, 5, 7, stream.length - 1];
        for (const cut of cuts.filter((bytes) => bytes > 0 && bytes < stream.length)) {
          assert.equal(isComplete(stream.subarray(0, -cut), chunkBytes), false, `${cut} short`);
        }
      }
    });
  }

  it('are taken one at a time', () => {
    const frames = new ZstdFrames();
    const [first, second] = [zstdCompressSync(text), zstdCompressSync(Buffer.alloc(0))];
    assert.equal(frames.see(first.subarray(0, 100)), 100);
    const rest = Buffer.concat([first.subarray(100), second, first]);
    assert.equal(frames.see(rest), first.length - 100);
    assert.equal(frames.see(rest.subarray(first.length - 100)), second.length);
    assert.equal(frames.see(first), first.length);
    assert.ok(frames.isComplete);
    assert.equal(frames.see(Buffer.from('junk and more')), 13);
    assert.equal(frames.isComplete, false);
  });

  it('are never complete of something else, or of nothing', () => {
    assert.equal(isComplete(Buffer.alloc(0), 1), false);
    assert.equal(isComplete(text, 1000), false);
    assert.equal(
      isComplete(Buffer.concat([zstdCompressSync(text), Buffer.from('junk')]), 9),
      false,
    );
  });
});
