// What lasts from one configuration to the next, and what does not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KeptParts } from '../../../src/worker/kept.ts';

function createParts() {
  const log: string[] = [];
  const kept = new KeptParts();
  const get = (key: string) =>
    kept.get(key, () => {
      log.push(`create ${key}`);
      return { close: () => log.push(`close ${key}`) };
    });
  return { kept, get, log };
}

describe('kept parts', () => {
  it('are made once per key and kept by the next configuration that wants them', () => {
    const { kept, get, log } = createParts();
    const first = get('a');
    assert.equal(get('a'), first);
    kept.settle();
    assert.equal(get('a'), first);
    kept.settle();
    assert.deepEqual(log, ['create a']);
  });

  it('are closed when the configuration that is live does not want them', () => {
    const { kept, get, log } = createParts();
    get('a');
    kept.settle();
    get('b');
    assert.deepEqual(log, ['create a', 'create b']);
    kept.settle();
    assert.deepEqual(log, ['create a', 'create b', 'close a']);
  });

  it('are closed when the configuration that was first to want them is given up', () => {
    const { kept, get, log } = createParts();
    get('a');
    kept.settle();
    get('a');
    get('b');
    kept.discard();
    assert.deepEqual(log, ['create a', 'create b', 'close b']);
    kept.closeAll();
    assert.deepEqual(log, ['create a', 'create b', 'close b', 'close a']);
  });
});
