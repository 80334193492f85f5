// Numbers by text in a fixed piece of memory: what is found was set, the latest is found, and old things go.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RecentNumbers } from '../../../src/std/recent-numbers.ts';

const found = (numbers: RecentNumbers, text: string) => {
  const place = numbers.find(text);
  return place === -1 ? null : [numbers.at(place), numbers.at(place, 1)];
};

describe('numbers of the latest texts', () => {
  it('are those of a map, as long as all fit', () => {
    const text = fc.constantFrom(...'abcdefgh', '', 'a'.repeat(22));
    const step = fc.record(
      {
        does: fc.constantFrom('set', 'set', 'set', 'delete', 'forget', 'clear'),
        ...{ text, first: fc.nat(3), second: fc.nat(9) },
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(3), (steps, bound) => {
        const numbers = new RecentNumbers(4096, 2);
        const all = new Map<string, number[]>();
        for (const { does, text: one, first, second } of steps) {
          if (does === 'set') {
            numbers.set(one, first, second);
            all.set(one, [first, second]);
          } else if (does === 'delete') {
            numbers.delete(one);
            all.delete(one);
          } else if (does === 'forget') {
            numbers.forget(first);
            for (const [name, pair] of all) if (pair[0] === first) all.delete(name);
          } else {
            numbers.clear();
            all.clear();
          }
          for (const name of [...'abcdefgh', '', 'a'.repeat(22)]) {
            assert.deepEqual(found(numbers, name), all.get(name) ?? null, name);
          }
          const above = [...all.values()].filter(([number]) => number! > bound);
          assert.equal(numbers.countAbove(bound), above.length);
        }
      }),
    );
  });

  it('are known for nearly all of the last ones, and for not many more', () => {
    const most = 1000;
    const numbers = new RecentNumbers(most, 1);
    for (let number = 0; number < 100_000; number++) numbers.set(`text ${number}`, number);
    let known = 0;
    for (let number = 0; number < 100_000; number++) {
      const place = numbers.find(`text ${number}`);
      if (place === -1) continue;
      assert.equal(numbers.at(place), number);
      known += 1;
    }
    let late = 0;
    for (let number = 99_000; number < 100_000; number++) {
      if (numbers.find(`text ${number}`) !== -1) late += 1;
    }
    assert.ok(late > most * 0.95, `${late} of the last ${most}`);
    assert.ok(known <= most * 4, `${known} in all`);
  });

  it('takes no place twice for one text', () => {
    const numbers = new RecentNumbers(4, 1);
    for (let number = 0; number < 100; number++) numbers.set('same', number);
    assert.equal(numbers.countAbove(-1), 1);
    assert.equal(found(numbers, 'same')![0], 99);
  });
});
