// Which uploads are too slow.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Sweeper } from '../../../../src/worker/listener/sweeper.ts';
import { UploadPace } from '../../../../src/worker/listener/upload-pace.ts';
import { SETTINGS } from './support/scripted-handler.ts';

const sweeper = new Sweeper(1000, () => {});
const settings = { ...SETTINGS, uploadBytesPerSecond: 100, uploadPaceMs: 3000 };

/** Returns the tick, from 1, at which an upload is found too slow; 0 for never. */
function slowAt(received: readonly number[], own = settings): number {
  const pace = new UploadPace();
  return received.findIndex((bytes) => pace.isTooSlow(bytes, own, sweeper)) + 1;
}

describe('the pace of an upload', () => {
  it('is judged over the time that it may be slower', () => {
    assert.equal(slowAt([0, 0, 299]), 3);
    assert.equal(slowAt([0, 0, 300]), 0);
    assert.equal(slowAt([900, 900, 900, 900, 900, 1000]), 6);
    assert.equal(slowAt([300, 300, 300, 300, 300, 600]), 0);
  });

  it('may be any without a limit', () => {
    assert.equal(slowAt([0, 0, 0, 0, 0], { ...settings, uploadBytesPerSecond: 0 }), 0);
  });

  it('is not judged while the client has to wait', () => {
    const pace = new UploadPace();
    for (let at = 0; at < 10; at++) {
      assert.equal(pace.isTooSlow(0, settings, sweeper), false);
      assert.equal(pace.isTooSlow(0, settings, sweeper), false);
      pace.restart(0);
    }
    assert.equal(pace.isTooSlow(0, settings, sweeper), false);
  });
});
