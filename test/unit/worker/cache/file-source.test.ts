// Answers whose body stays on disk: whole, in parts, at the pace of the client, and that the file is let go
// whatever happens.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CachedVariant, type StoredFile } from '../../../../src/core/cache.ts';
import { limits } from '../../../../src/core/limits.ts';
import { answerFrom } from '../../../../src/worker/cache/answer.ts';
import { until } from '../../../support/deadline.ts';
import { storedResponse } from '../../../support/stored-response.ts';
import { Client } from './cache-world.ts';

const BODY = Buffer.alloc(limits.streamHighWaterBytes * 3 + 7, 'all of a long body ');

/** A file in memory; `failsFrom`: an offset that can't be read. */
class FakeFile implements StoredFile {
  readonly byteLength = BODY.length;
  holders = 1;
  failsFrom = Number.POSITIVE_INFINITY;
  largest = 0;

  async read(piece: Uint8Array, offset: number): Promise<boolean> {
    this.largest = Math.max(this.largest, piece.byteLength);
    await new Promise(setImmediate);
    if (offset >= this.failsFrom) return false;
    piece.set(BODY.subarray(offset, offset + piece.byteLength));
    return true;
  }
  hold(): void {
    this.holders += 1;
  }
  release(): void {
    this.holders -= 1;
  }
}

function answer(
  { range = '', method = 'GET', isFull = false, ifNoneMatch = '' },
  file = new FakeFile(),
) {
  const nowMs = Date.now();
  const response = storedResponse('a', { bodyBytes: BODY.length, etag: '"e"', storedAtMs: nowMs });
  const variant = new CachedVariant(response, new Uint8Array(0), file);
  const client = new Client({ method });
  client.isFull = isFull;
  const context = { statusName: null, stages: null };
  const wanted = { range, ifRange: '', ifNoneMatch, ifModifiedSince: '' };
  answerFrom(client.exchange, variant, wanted, { context, nowMs, status: '' });
  // As the fetch that found it does.
  file.release();
  return { client, file };
}

const ended = async ({ client, file }: ReturnType<typeof answer>) => {
  await until(() => client.exchange.finished, { what: 'the answer ends' });
  assert.equal(file.holders, 0);
  assert.ok(file.largest <= limits.streamHighWaterBytes);
  return client;
};

describe('a body in a file', () => {
  it('is given whole, in pieces', async () => {
    const client = await ended(answer({}));
    assert.deepEqual([client.state, client.exchange.responseByteLength], ['ended', BODY.length]);
    assert.ok(client.body === BODY.toString('latin1'));
    assert.equal(client.exchange.cached, null, 'no encodings are made of it');
  });

  it('is given in parts', async () => {
    const one = await ended(answer({ range: 'bytes=65530-65545' }));
    assert.deepEqual([one.status, one.body], [206, BODY.toString('latin1', 65_530, 65_546)]);
    const two = await ended(answer({ range: 'bytes=0-4,100000-199999' }));
    assert.equal(two.exchange.responseByteLength, two.body.length);
    assert.ok(two.body.includes(`\r\n\r\n${BODY.toString('latin1', 100_000, 200_000)}\r\n--`));
    const none = await ended(answer({ range: 'bytes=9999999-' }));
    assert.deepEqual([none.status, none.body], [416, '']);
  });

  it('is not opened for a head, and for who has it', async () => {
    const head = await ended(answer({ method: 'HEAD' }));
    assert.deepEqual([head.body, head.exchange.responseByteLength], ['', BODY.length]);
    assert.equal((await ended(answer({ ifNoneMatch: '"e"' }))).status, 304);
  });

  it('waits for a client that reads slowly', async () => {
    const { client, file } = answer({ isFull: true });
    await until(() => client.body !== '', { what: 'the first piece' });
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    assert.equal(client.body.length, limits.streamHighWaterBytes);
    assert.equal(file.holders, 1);
    // Changes its mind while the next piece is read.
    client.source!.resume();
    client.source!.pause();
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    assert.equal(client.body.length, limits.streamHighWaterBytes);
    client.read();
    assert.ok((await ended({ client, file })).body === BODY.toString('latin1'));
  });

  it('is let go when the client leaves, and breaks off when the disk fails', async () => {
    const { client, file } = answer({ isFull: true });
    client.leave();
    assert.equal(file.holders, 0);
    const bad = new FakeFile();
    bad.failsFrom = limits.streamHighWaterBytes;
    const broken = await ended(answer({}, bad));
    assert.deepEqual([broken.state, broken.exchange.failure?.code], ['failed', 'body_broken']);
  });
});
