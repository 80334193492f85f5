// Texts that are one string: always equal to what was asked for.

import assert from 'node:assert/strict';
import test from 'node:test';
import { sharedText } from '../../../../../src/worker/upstream/http1/shared-texts.ts';

test('a shared text equals what it is asked for by, however many and however long they are', () => {
  for (let round = 0; round < 2; round++) {
    for (let at = 0; at < 3000; at++) {
      const text = `\u00e9 ${'x'.repeat(at % 600)} ${at}`;
      assert.equal(sharedText(text), text);
    }
  }
});
