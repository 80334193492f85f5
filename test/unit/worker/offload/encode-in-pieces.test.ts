// Compressing piece by piece: the bytes are those of one call, the pieces as long as they say. That there are
// any also proves that the handle of this Node's codecs is as encode-in-pieces.ts knows it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { type EncoderName, encodeWhole } from '../../../../src/std/encode.ts';
import { encodeInPieces, PIECE_BYTES } from '../../../../src/worker/offload/encode-in-pieces.ts';
import { createSeededRandom } from '../../../support/random.ts';

const KIB = 1024;
const BODIES: Readonly<Record<string, (bytes: number) => Buffer>> = {
  text,
  noise,
  zeros: (bytes) => Buffer.alloc(bytes),
};
/** The last three around the piece of some coding, and around where the output is full. */
const LENGTHS = [0, 1, 1000, 300 * KIB + 7, 1024 * KIB, 64 * KIB, 64 * KIB + 1, 128 * KIB + 1];

/** Compresses, and counts how often something else could be done. */
function encode(body: Uint8Array, coding: EncoderName, level: number) {
  let pauses = 0;
  const encoded = encodeInPieces({ body, coding, level }, () => {
    pauses += 1;
  });
  return { encoded: Buffer.from(encoded), pauses };
}

describe('a body that is compressed in pieces', () => {
  for (const [kind, make] of Object.entries(BODIES)) {
    for (const [coding, levels] of [['gzip', [1, 4, 9]] as const, ['zstd', [1, 3, 6]] as const]) {
      it(`of ${kind} becomes what one call makes of it, in ${coding}`, () => {
        for (const bytes of LENGTHS) {
          const body = make(bytes);
          for (const level of levels) {
            const { encoded } = encode(body, coding, level);
            assert.ok(encoded.equals(encodeWhole(body, coding, level)), `${bytes} at ${level}`);
          }
        }
      });
    }

    it(`of ${kind} is hardly longer in br than what one call makes of it`, () => {
      for (const bytes of LENGTHS) {
        const body = make(bytes);
        for (const level of [1, 4, 6]) {
          const { encoded } = encode(body, 'br', level);
          assert.ok(brotliDecompressSync(encoded).equals(body), `${bytes} at ${level}`);
          const whole = encodeWhole(body, 'br', level).byteLength;
          const most = whole * 1.01 + 16 * Math.ceil(bytes / PIECE_BYTES.br);
          assert.ok(encoded.byteLength <= most, `${encoded.byteLength}, ${whole}`);
        }
      }
    });
  }

  it('is as dense as one call makes it where that is what is asked for', () => {
    const body = text(200 * KIB);
    assert.ok(encode(body, 'br', 11).encoded.equals(encodeWhole(body, 'br', 11)));
  });

  it('goes in piece by piece, and there is time between any two', () => {
    for (const coding of ['gzip', 'br', 'zstd'] as const) {
      for (const bytes of LENGTHS) {
        const pieces = Math.max(1, Math.ceil(bytes / PIECE_BYTES[coding]));
        assert.equal(encode(text(bytes), coding, 4).pauses, pieces - 1, `${coding} ${bytes}`);
      }
    }
  });

  it('is left alone when what happens in between fails', () => {
    let pauses = 0;
    const work = { body: text(512 * KIB), coding: 'gzip', level: 4 } as const;
    const stop = () => {
      pauses += 1;
      if (pauses === 3) throw new Error('enough');
    };
    assert.throws(() => encodeInPieces(work, stop), /enough/);
    assert.equal(pauses, 3);
  });
});

function text(bytes: number): Buffer {
  const words = ['proxy', 'sluice', 'gate', 'river', 'water', 'lock', 'canal', 'weir'];
  const random = createSeededRandom();
  let made = '';
  while (made.length < bytes) made += `${random.pick(words)} ${made.length % 977} `;
  return Buffer.from(made.slice(0, bytes));
}

function noise(bytes: number): Buffer {
  return Buffer.from(createSeededRandom().bytes(bytes));
}
