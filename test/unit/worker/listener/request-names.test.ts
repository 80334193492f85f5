// Common names of request fields: every name comes back as it went in.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { commonName } from '../../../../src/worker/listener/uws/request-names.ts';

describe('common names of request fields', () => {
  it('are those that were asked for', () => {
    for (const name of ['host', 'te', 'user-agent', 'sec-websocket-protocol', 'x', '']) {
      assert.equal(commonName(name), name);
    }
    const tokens = fc.string({ unit: fc.constantFrom(...'abcehostrux-_019'), maxLength: 30 });
    fc.assert(
      fc.property(tokens, (name) => assert.equal(commonName(name), name)),
      { numRuns: 2000 },
    );
  });
});
