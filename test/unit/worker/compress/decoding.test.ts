// Bodies that a peer encodes though the client did not ask: decoded, within bounds.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { until } from '../../../support/deadline.ts';
import { type Answer, Passage, page } from './bodies.ts';

const ENCODERS = {
  gzip: gzipSync,
  'x-gzip': gzipSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  deflate: deflateSync,
} as const;

function encodedAnswer(coding: string, more: Answer = {}): Answer {
  const headers = ['content-type', 'text/html', 'content-encoding', coding, 'etag', '"1"'];
  return { headers, ...more };
}

describe('a body in a coding that the client did not ask for', () => {
  for (const [coding, encode] of Object.entries(ENCODERS)) {
    it(`is decoded from ${coding}, whatever its chunks`, async () => {
      const body = page(100_000);
      const encoded = encode(body);
      for (const chunkBytes of [encoded.length, 1000, 7]) {
        const byteLength = encoded.length;
        const passage = new Passage(encodedAnswer(coding, { byteLength }));
        await passage.feed(encoded, chunkBytes);
        passage.sink.end();
        await passage.client.over();
        assert.ok(passage.client.body.equals(body));
        assert.equal(passage.client.ended, 1);
        assert.equal(passage.client.field('content-encoding'), undefined);
        assert.equal(passage.client.field('etag'), 'W/"1"');
        assert.equal(passage.client.field('vary'), 'accept-encoding');
        assert.equal(passage.client.byteLength, -1);
        assert.equal(passage.compression.counters.decoded, 1);
        assert.equal(passage.exchange.running, null);
      }
    });
  }

  it('may be several members or frames', async () => {
    const [first, second] = [page(70_000), page(300)];
    const toSkip = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9]);
    const empty = Buffer.alloc(0);
    const parts = {
      gzip: [gzipSync(first), gzipSync(second), gzipSync(empty), gzipSync(first)],
      zstd: [toSkip, zstdCompressSync(first), zstdCompressSync(empty), toSkip].concat([
        zstdCompressSync(second),
        zstdCompressSync(first),
      ]),
    };
    for (const [coding, members] of Object.entries(parts)) {
      const encoded = Buffer.concat(members);
      for (const chunkBytes of [encoded.length, members[0]!.length, 1000, 99]) {
        const passage = new Passage(encodedAnswer(coding));
        await passage.feed(encoded, chunkBytes);
        passage.sink.end();
        await passage.client.over();
        assert.equal(passage.client.error, null, `${coding} by ${chunkBytes}`);
        assert.ok(passage.client.body.equals(Buffer.concat([first, second, first])), coding);
      }
    }
  });

  it('is encoded again in one that the client likes', async () => {
    const encoded = gzipSync(page(100_000));
    const passage = new Passage(encodedAnswer('gzip', { accept: 'br' }));
    await passage.feed(encoded, 1000);
    passage.sink.end();
    await passage.client.over();
    assert.equal(passage.client.field('content-encoding'), 'br');
    assert.ok(passage.client.plain.equals(page(100_000)));
    assert.ok(passage.isFree);
  });

  it('is no longer what a digest behind it says', async () => {
    const passage = new Passage(encodedAnswer('gzip'));
    passage.sink.write(gzipSync(page(5000)));
    passage.exchange.responseTrailers = ['repr-digest', 'sha-256=:AA==:'];
    passage.sink.end();
    await passage.client.over();
    assert.equal(passage.exchange.responseTrailers, null);
  });

  it('may be empty', async () => {
    for (const coding of Object.keys(ENCODERS)) {
      const passage = new Passage(encodedAnswer(coding, { status: 302 }));
      passage.sink.end();
      await passage.client.over();
      assert.deepEqual([passage.client.error, passage.client.body.length], [null, 0], coding);
    }
  });

  it('has a head for HEAD, too', () => {
    const passage = new Passage(encodedAnswer('gzip', { method: 'HEAD', byteLength: 500 }));
    assert.ok(passage.isUntouched);
    assert.equal(passage.exchange.responseByteLength, -1);
    assert.ok(!passage.exchange.responseHeaders.includes('content-encoding'));
  });

  it('stays as it is where the route does not decode, or the client accepts it', () => {
    for (const more of [{ policy: { decode: false } }, { accept: 'gzip' }, { accept: '*' }]) {
      assert.ok(new Passage(encodedAnswer('gzip', more)).isUntouched);
    }
  });

  // A bomb: a few kilobytes that become gigabytes, to fill the client, the disk of a cache, or our memory.
  it('is broken off when it becomes too large, or too large for what it was', async () => {
    const zeros = Buffer.alloc(4 * 1024 * 1024);
    for (const [coding, encode] of Object.entries(ENCODERS)) {
      for (const policy of [{ decodedBytesMax: 2_000_000 }, { decodedRatioMax: 20 }]) {
        const passage = new Passage(encodedAnswer(coding, { policy }));
        await passage.feed(encode(zeros), 16_000);
        passage.sink.end();
        await passage.client.over();
        assert.equal(passage.client.error?.code, 'undecodable');
        assert.equal(passage.exchange.failure?.code, 'undecodable');
        assert.equal(passage.client.ended, 0);
        assert.ok(passage.client.body.length <= 2_000_000);
        assert.equal(passage.compression.counters.undecodable, 1);
      }
    }
  });

  it('is broken off when it is not what it says, or ends too early', async () => {
    for (const [coding, encode] of Object.entries(ENCODERS)) {
      const encoded = encode(page(100_000));
      const wrong = [Buffer.from('this is not encoded at all'), encoded.subarray(0, -5)];
      for (const body of wrong) {
        const passage = new Passage(encodedAnswer(coding));
        await passage.feed(body, 1000);
        passage.sink.end();
        await passage.client.over();
        assert.equal(passage.client.error?.code, 'undecodable', coding);
        assert.equal(passage.client.ended, 0);
      }
    }
  });

  it('is broken off when more comes than it says, together with it or later', async () => {
    for (const [coding, encode] of Object.entries(ENCODERS)) {
      const encoded = encode(page(100_000));
      for (const more of [Buffer.from('and more'), Buffer.alloc(9)]) {
        for (const chunkBytes of [encoded.length + more.length, encoded.length, 1000]) {
          const passage = new Passage(encodedAnswer(coding));
          await passage.feed(Buffer.concat([encoded, more]), chunkBytes);
          passage.sink.end();
          await passage.client.over();
          assert.equal(passage.client.error?.code, 'undecodable', `${coding} by ${chunkBytes}`);
          assert.equal(passage.client.ended, 0);
        }
      }
    }
  });

  it('stops its source when it is found out while that goes on', async () => {
    const wrong = Buffer.from('this is not encoded at all');
    for (const [coding, encode] of Object.entries(ENCODERS)) {
      const tooMuch = Buffer.concat([encode(page(5000)), Buffer.from('and more')]);
      for (const body of [wrong, tooMuch]) {
        const passage = new Passage(encodedAnswer(coding));
        passage.sink.write(body);
        await until(() => passage.cancelledBy !== null, { what: `${coding} is cancelled` });
        assert.equal(passage.cancelledBy?.code, 'undecodable');
      }
    }
  });

  it('waits for a slow client', async () => {
    const body = page(5_000_000);
    const encoded = gzipSync(body);
    const passage = new Passage(encodedAnswer('gzip'));
    const { client } = passage;
    client.isFull = true;
    const feeding = passage.feed(encoded, 8000);
    await until(() => passage.isPaused && client.chunks.length > 0, { what: 'it is full' });
    assert.ok(client.body.length < 1_000_000);
    client.isFull = false;
    client.source?.resume();
    await feeding;
    passage.sink.end();
    await client.over();
    assert.ok(client.body.equals(body));
  });
});
