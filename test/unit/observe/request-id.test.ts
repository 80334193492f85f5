// Request ids: unique, and which foreign ones are kept.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestIdSource } from '../../../src/observe/request-id.ts';

describe('RequestIdSource', () => {
  it('never gives an id twice, over the end of a block too', () => {
    const sources = [new RequestIdSource(), new RequestIdSource()];
    const ids = new Set(sources.flatMap((ids) => Array.from({ length: 10_000 }, () => ids.next())));
    assert.equal(ids.size, 20_000);
  });

  it('counts up in hex after its prefix', () => {
    const ids = new RequestIdSource('0123456789abcdef');
    const made = Array.from({ length: 4098 }, () => ids.next());
    assert.deepEqual(
      [made[0], made[1], made[4095], made[4096]],
      ['0000000', '0000001', '0000fff', '0001000'].map((count) => `0123456789abcdef-${count}`),
    );
  });

  it('gives ids that are valid', () => {
    const ids = new RequestIdSource();
    assert.ok(ids.isValid(ids.next()));
  });

  it('refuses what could break a log or a header', () => {
    const ids = new RequestIdSource();
    for (const good of ['a', 'x'.repeat(128), '6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'a/b:c=+']) {
      assert.ok(ids.isValid(good), good);
    }
    const bad = ['', 'x'.repeat(129), 'a b', 'a\r\nb', 'a"b', 'a\\b', 'caf\xe9', 'a\n', '\x7f'];
    for (const id of bad) assert.equal(ids.isValid(id), false, JSON.stringify(id));
  });
});
