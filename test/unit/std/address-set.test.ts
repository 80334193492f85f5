// Sets of addresses: as a naive model has them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AddressSet } from '../../../src/std/address-set.ts';

/** An address as a number, of as many bits as its family has. */
interface Address {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

const v4 = fc
  .bigInt({ min: 0n, max: 2n ** 32n - 1n })
  .map((value) => ({ bits: 32, value }) as const);
const v6 = fc
  .bigInt({ min: 0n, max: 2n ** 128n - 1n })
  // IPv4 in IPv6 is IPv4 to the set, and canonical text never has it.
  .filter((value) => value >> 32n !== 0xffffn && value >> 48n !== 0n)
  .map((value) => ({ bits: 128, value }) as const);
const address: fc.Arbitrary<Address> = fc.oneof(v4, v6);
const range = address.chain((base) =>
  fc.integer({ min: 0, max: base.bits }).map((prefix) => ({ base, prefix })),
);

function textOf({ bits, value }: Address): string {
  if (bits === 32) {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, at) => (value >> BigInt(112 - 16 * at)) & 0xffffn);
  return groups.map((group) => group.toString(16)).join(':');
}

describe('a set of addresses', () => {
  it('has what a naive model has', () => {
    const property = fc.property(
      fc.array(range, { maxLength: 8 }),
      fc.array(address, { maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (ranges, others, picks) => {
        const set = new AddressSet(ranges.map(({ base, prefix }) => `${textOf(base)}/${prefix}`));
        // Near the edges of ranges as well: the first and last address, and their neighbours.
        const near = picks.flatMap((pick) => {
          const one = ranges[pick % Math.max(1, ranges.length)];
          if (one === undefined) return [];
          const size = 2n ** BigInt(one.base.bits - one.prefix);
          const first = (one.base.value / size) * size;
          const edges = [first - 1n, first, first + size - 1n, first + size];
          const max = 2n ** BigInt(one.base.bits);
          return edges
            .filter((value) => value >= 0n && value < max)
            .filter((value) => one.base.bits === 32 || value >> 48n !== 0n)
            .map((value) => ({ bits: one.base.bits, value }));
        });
        for (const asked of [...others, ...near]) {
          const wanted = ranges.some(({ base, prefix }) => {
            const shift = BigInt(base.bits - prefix);
            return base.bits === asked.bits && base.value >> shift === asked.value >> shift;
          });
          assert.equal(set.has(textOf(asked)), wanted, textOf(asked));
          assert.equal(set.has(textOf(asked)), wanted, 'remembered');
        }
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('takes IPv4 that is written as IPv6 for IPv4', () => {
    const set = new AddressSet(['::ffff:10.0.0.0/104', '::ffff:192.0.2.1']);
    assert.deepEqual(
      ['10.1.2.3', '11.0.0.1', '192.0.2.1', '192.0.2.2'].map((text) => set.has(text)),
      [true, false, true, false],
    );
  });

  it('has nothing that is no address', () => {
    const set = new AddressSet(['0.0.0.0/0', '::/0']);
    for (const text of [
      '',
      'x',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.4 ',
      '[::1]',
      '1.2.3.4/8',
      '01.2.3.4',
    ]) {
      assert.equal(set.has(text), false, text);
    }
  });
});
