// A body that stays on disk while it is read: who holds it, and a disk that does not answer.

import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { systemTimers } from '../../../../../src/std/timers.ts';
import { DiskFile } from '../../../../../src/worker/cache/store/disk-file.ts';

function openFile(context: TestContext, read: () => Promise<boolean>) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const events: string[] = [];
  const file = new DiskFile({
    blob: {
      head: Buffer.alloc(0),
      bodyBytes: 3,
      read,
      close: async () => void events.push('closed'),
    },
    timers: systemTimers,
    onError: (error) => void events.push(String(error)),
    onClose: () => void events.push('released'),
  });
  return { file, events };
}

it('a file is closed when the last who holds it lets go', async (context) => {
  const { file, events } = openFile(context, () => Promise.resolve(true));
  file.hold();
  file.release();
  assert.equal(await file.read(Buffer.alloc(3), 0), true);
  assert.deepEqual(events, []);
  file.release();
  assert.deepEqual(events, ['released', 'closed']);
});

it('a disk that can not read fails', async (context) => {
  const { file, events } = openFile(context, () => Promise.reject(new Error('EIO')));
  assert.equal(await file.read(Buffer.alloc(3), 0), false);
  assert.deepEqual(events, ['Error: EIO']);
});

it('a disk that does not answer fails after five seconds', async (context) => {
  const { file, events } = openFile(context, () => new Promise(() => {}));
  const reading = file.read(Buffer.alloc(3), 0);
  context.mock.timers.tick(5000);
  assert.equal(await reading, false);
  assert.deepEqual(events, ['Error: no answer within 5000 ms']);
});
