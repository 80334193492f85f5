// A map against a Map.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import fc from 'fast-check';
import { ChurnMap } from '../../../src/std/churn-map.ts';

describe('a map for what comes and goes', () => {
  test('holds what a Map would hold', () => {
    const command = fc.record({
      what: fc.constantFrom(...Array(20).fill('set'), ...Array(10).fill('delete'), 'get', 'clear'),
      key: fc.nat(300),
    });
    fc.assert(
      fc.property(fc.array(command, { maxLength: 600 }), (commands) => {
        const own = new ChurnMap<number>();
        const model = new Map<string, number>();
        for (const [at, { what, key }] of commands.entries()) {
          const text = `key ${key}`;
          if (what === 'set') {
            own.set(text, at);
            model.set(text, at);
          } else if (what === 'delete') {
            own.delete(text);
            model.delete(text);
          } else if (what === 'clear') {
            own.clear();
            model.clear();
          }
          assert.equal(own.get(text), model.get(text));
          assert.equal(own.has(text), model.has(text));
          assert.equal(own.size, model.size);
        }
        const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);
        assert.deepEqual(sorted(own.values()), sorted(model.values()));
      }),
      { numRuns: 100 },
    );
  });
});
