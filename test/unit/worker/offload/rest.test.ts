// Who waits for a processor, as the system tells it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readRunnable, restIfBusy } from '../../../../src/worker/offload/rest.ts';

const read = (line: string) => readRunnable(Buffer.from(line));

describe('the count of threads that want to run', () => {
  it('is what stands before the slash', () => {
    assert.equal(read('0.31 0.28 0.21 3/218 4711\n'), 3);
    assert.equal(read('120.07 64.50 9.99 217/10434 1048575\n'), 217);
  });

  it('is 0 where nobody counts, or says something else', () => {
    assert.equal(read('0.00 0.00 0.00 0/0 0\n'), 0);
    assert.equal(read(''), 0);
    assert.equal(read('0.31 0.28 0.21'), 0);
    assert.equal(read('load: high/low'), 0);
    assert.equal(read('/'), 0);
  });
});

describe('a rest', () => {
  it('ends, whoever waits', () => {
    for (let times = 0; times < 100; times++) restIfBusy();
  });
});
