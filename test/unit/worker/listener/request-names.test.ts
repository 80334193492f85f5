// Common names of request fields: every name comes back as it went in.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  commonName,
  hasRepeatedValue,
  placeOf,
} from '../../../../src/worker/listener/uws/request-names.ts';

const nameAfter = (name: string) => (placeOf(name) === -1 ? name : commonName(placeOf(name)));

describe('common names of request fields', () => {
  it('are those that were asked for', () => {
    for (const name of ['host', 'te', 'user-agent', 'sec-websocket-protocol', 'x', '']) {
      assert.equal(nameAfter(name), name);
    }
    const tokens = fc.string({ unit: fc.constantFrom(...'abcehostrux-_019'), maxLength: 30 });
    fc.assert(
      fc.property(tokens, (name) => assert.equal(nameAfter(name), name)),
      { numRuns: 2000 },
    );
  });

  it('have values to remember unless these may be secrets', () => {
    for (const name of ['host', 'user-agent', 'accept-encoding']) {
      assert.equal(hasRepeatedValue(placeOf(name)), true, name);
    }
    for (const name of ['authorization', 'cookie', 'x-api-key', 'x-csrf-token', 'referer']) {
      assert.notEqual(placeOf(name), -1, name);
      assert.equal(hasRepeatedValue(placeOf(name)), false, name);
    }
    assert.equal(placeOf('x-my-token'), -1);
  });
});
