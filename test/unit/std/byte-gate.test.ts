// Room for so many bytes at a time, in the order of arrival.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteGate } from '../../../src/std/byte-gate.ts';

describe('a byte gate', () => {
  it('lets in what there is room for, in the order of arrival, and the largest alone', async () => {
    const gate = new ByteGate(10);
    const order: string[] = [];
    const enter = (name: string, bytes: number) =>
      gate.enter(bytes).then(() => void order.push(name));
    const turn = () => new Promise(setImmediate);
    void enter('a', 6);
    void enter('b', 6);
    void enter('c', 1);
    await turn();
    assert.deepEqual(order, ['a'], 'nobody overtakes b');
    void enter('huge', 100);
    gate.leave(6);
    await turn();
    assert.deepEqual(order, ['a', 'b', 'c']);
    gate.leave(6);
    await turn();
    assert.equal(order.length, 3);
    gate.leave(1);
    await turn();
    assert.deepEqual(order, ['a', 'b', 'c', 'huge']);
  });
});
