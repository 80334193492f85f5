// The keyed hash against its authors' reference.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HalfSipHash } from '../../../src/std/half-sip-hash.ts';

/** What the authors' reference gives for the key 00…07 and the texts '', 00, 00 01, … (octets). */
const reference = [
  '218d1f59b9b83cc8',
  'be552412f8387315',
  '064f39ef7c50eb57',
  'ce0f1a45f7060679',
  'd5e78a175be52ea1',
  'cb9d7c3f2f3db580',
  'ce3e91358aa2bc25',
];

function octets({ low, high }: HalfSipHash): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(low, 0);
  bytes.writeUInt32LE(high, 4);
  return bytes.toString('hex');
}

describe('HalfSipHash', () => {
  it('gives what the reference gives', () => {
    const hash = new HalfSipHash(Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]));
    let text = '';
    for (const [length, expected] of reference.entries()) {
      hash.update(text);
      assert.equal(octets(hash), expected, `${length} octets`);
      text += String.fromCharCode(length);
    }
  });

  it('depends on every octet and on the key', () => {
    const hash = new HalfSipHash(Buffer.from('12345678'));
    const seen = new Set<string>();
    const add = () => seen.add(octets(hash));
    const text = 'session-0123456789';
    hash.update(text);
    add();
    for (let at = 0; at < text.length; at++) {
      hash.update(`${text.slice(0, at)}\xff${text.slice(at + 1)}`);
      add();
    }
    const other = new HalfSipHash(Buffer.from('12345679'));
    other.update(text);
    seen.add(octets(other));
    assert.equal(seen.size, text.length + 2);
  });
});
