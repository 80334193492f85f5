// Bytes of log lines: numbers, escapes, and what happens at the end of the block.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LineBuffer } from '../../../src/observe/line-buffer.ts';

describe('line buffer', () => {
  it('writes whole numbers of any size', () => {
    const around = [2 ** 31 - 1, 2 ** 31, 1e9, 2 ** 32, 4_000_000_000_000, Number.MAX_SAFE_INTEGER];
    for (const value of [0, 9, 10, 99, 100, 65_535, ...around]) {
      const out = new LineBuffer(64);
      out.integer(value);
      assert.equal(out.take().toString(), `${value}`);
    }
  });

  it('writes three digits', () => {
    const out = new LineBuffer(64);
    for (const value of [0, 7, 45, 999]) out.thousandths(value);
    assert.equal(out.take().toString(), '000007045999');
  });

  it('keeps nothing of what it handed over', () => {
    const out = new LineBuffer(8);
    out.plain('first');
    const first = out.take();
    out.plain('second');
    assert.deepEqual([first.toString(), out.take().toString()], ['first', 'second']);
  });

  it('says that the end is missing, and takes back what is cut', () => {
    const out = new LineBuffer(4);
    out.plain('abc');
    out.json('def', 10);
    assert.equal(out.isOver, true);
    out.cut(3);
    out.plain('d');
    assert.equal(out.isOver, false);
    assert.equal(out.take().toString(), 'abcd');
  });

  it('escapes spaces in words only', () => {
    const out = new LineBuffer(64);
    out.escaped('a b\u00e9', 10);
    out.escapedWord('a b\u0100', 10);
    assert.equal(out.take().toString(), 'a b\\xE9a\\x20b?');
  });
});
