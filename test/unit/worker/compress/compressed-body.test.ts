// The contract of a sink, kept by a body that is compressed on its way: whatever the chunks, however slow
// the client, and wherever it breaks off.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ProxyError } from '../../../../src/core/errors.ts';
import { limits } from '../../../../src/core/limits.ts';
import { until } from '../../../support/deadline.ts';
import { makeCompression, Passage, page } from './bodies.ts';

const CODINGS = ['zstd', 'br', 'gzip'] as const;

for (const accept of CODINGS) {
  describe(`a body in ${accept}`, () => {
    for (const bytes of [1024, 5000, 16 * 1024, 16 * 1024 + 1, 70_000, 1 << 20, (1 << 20) + 1]) {
      for (const isDeclared of [true, false]) {
        it(`of ${bytes} bytes, ${isDeclared ? 'declared' : 'not declared'}, comes out whole`, async () => {
          const body = page(bytes);
          for (const chunkBytes of [bytes, 16 * 1024, 4099]) {
            const passage = new Passage({ accept, byteLength: isDeclared ? bytes : -1 });
            await passage.feed(body, chunkBytes);
            passage.sink.end();
            await passage.client.over();
            const { client, exchange } = passage;
            assert.equal(client.ended, 1);
            assert.equal(client.field('content-encoding'), accept);
            assert.equal(client.field('etag'), 'W/"1"');
            assert.ok(client.body.length < bytes / 2);
            assert.ok(client.plain.equals(body));
            assert.ok(client.byteLength === -1 || client.byteLength === client.body.length);
            assert.equal(exchange.encoding, accept);
            assert.equal(exchange.plainBytes, bytes);
            assert.equal(exchange.running, null);
            const { responses, bytesIn, bytesOut } = passage.compression.counters.codings[accept];
            assert.deepEqual([responses, bytesIn, bytesOut], [1, bytes, client.body.length]);
            assert.ok(passage.isFree);
          }
        });
      }
    }

    it('of a few bytes at a time, in any place, comes out whole', async () => {
      const body = page(1100);
      for (let first = 1; first < 1100; first += 37) {
        const passage = new Passage({ accept });
        passage.sink.write(body.subarray(0, first));
        passage.sink.write(body.subarray(first));
        passage.sink.end();
        await passage.client.over();
        assert.ok(passage.client.plain.equals(body));
      }
    });
  });
}

describe('a body that is to be compressed', () => {
  it('goes out as it is when it turns out to be short, with its length', async () => {
    const passage = new Passage({ accept: 'gzip' });
    await passage.feed(page(1023), 100);
    passage.sink.end();
    assert.equal(passage.client.ended, 1);
    assert.equal(passage.client.byteLength, 1023);
    assert.equal(passage.client.field('content-encoding'), undefined);
    assert.equal(passage.client.field('etag'), '"1"');
    assert.equal(passage.client.field('vary'), 'accept-encoding');
    assert.ok(passage.client.body.equals(page(1023)));
  });

  it('lets its head go when nothing follows for a moment, and no end is in sight', async () => {
    const passage = new Passage({ accept: 'gzip' });
    assert.equal(passage.client.source, null);
    await until(() => passage.client.source !== null, { what: 'the head is there' });
    assert.equal(passage.client.field('content-encoding'), 'gzip');
    passage.sink.write(page(5000));
    await until(() => passage.client.chunks.length > 0, { what: 'and the first bytes' });
    passage.sink.end();
    await passage.client.over();
    assert.ok(passage.client.plain.equals(page(5000)));
    assert.ok(passage.isFree);
  });

  it('may be empty', () => {
    const passage = new Passage({ accept: 'gzip' });
    passage.sink.end();
    assert.equal(passage.client.ended, 1);
    assert.equal(passage.client.body.length, 0);
    assert.ok(passage.isFree);
  });

  it('leaves room for trailers behind it, but for digests of bytes that it has no more', async () => {
    const sum = ['x-sum', '1'];
    for (const bytes of [500, 5000, 40_000, 100_000]) {
      const passage = new Passage({ accept: 'gzip' });
      await passage.feed(page(bytes), 16_000);
      passage.exchange.responseTrailers = [...sum, 'content-digest', 'sha-256=:AA==:'];
      passage.sink.end();
      await passage.client.over();
      assert.ok(passage.client.plain.equals(page(bytes)));
      assert.equal(passage.client.byteLength, -1);
      const digest = bytes === 500 ? ['content-digest', 'sha-256=:AA==:'] : [];
      assert.deepEqual(passage.exchange.responseTrailers, [...sum, ...digest]);
    }
  });

  it('goes out as it is when that is shorter', async () => {
    for (const bytes of [2000, 40_000]) {
      const body = randomBytes(bytes);
      const passage = new Passage({ accept: 'gzip', byteLength: bytes });
      await passage.feed(body, bytes);
      passage.sink.end();
      await passage.client.over();
      assert.equal(passage.client.field('content-encoding'), undefined);
      assert.equal(passage.client.body.length, bytes);
      assert.ok(passage.client.body.equals(body));
    }
  });

  it('goes to a thread when it is long, and goes out as it is when there is none', async () => {
    const body = page(100_000);
    const passage = new Passage({ accept: 'br', byteLength: body.length });
    passage.threads.isFull = true;
    await passage.feed(body, 10_000);
    passage.sink.end();
    assert.equal(passage.client.ended, 1);
    assert.ok(passage.client.body.equals(body));
    assert.equal(passage.client.field('content-encoding'), undefined);
    assert.equal(passage.client.byteLength, body.length);
    assert.equal(passage.compression.counters.skipped, 1);
    assert.ok(passage.isFree);
  });

  it('breaks off when its thread dies', async () => {
    const passage = new Passage({ accept: 'br', byteLength: 100_000 });
    passage.threads.failure = new Error('out of memory');
    await passage.feed(page(100_000), 10_000);
    passage.sink.end();
    await passage.client.over();
    assert.equal(passage.client.error?.code, 'internal_error');
    assert.equal(passage.client.ended, 0);
    assert.equal(passage.exchange.failure?.code, 'internal_error');
    assert.equal(passage.exchange.running, null);
  });

  it('reaches the client at each pause of its source', async () => {
    for (const accept of CODINGS) {
      for (const byteLength of [-1, 9000]) {
        const passage = new Passage({ accept, byteLength });
        const { client } = passage;
        for (let part = 1; part <= 3; part++) {
          passage.sink.write(page(3000));
          await until(() => client.chunks.length >= part, { what: `part ${part} is there` });
        }
        passage.sink.end();
        await client.over();
        assert.equal(client.plain.length, 9000);
        assert.ok(passage.isFree);
      }
    }
  });

  it('reaches a client that read nothing at the pause when it reads on', async () => {
    for (const accept of CODINGS) {
      const passage = new Passage({ accept });
      const { client } = passage;
      client.isFull = true;
      passage.sink.write(page(2000));
      await until(() => client.chunks.length > 0, { what: 'the first part is there' });
      passage.sink.write(Buffer.from('last words'));
      const before = client.chunks.length;
      // The pause of the source passes while the client reads nothing.
      await delay(50);
      assert.equal(client.chunks.length, before);
      client.isFull = false;
      client.source!.resume();
      await until(() => client.chunks.length > before, { what: 'the last words are there' });
      passage.sink.end();
      await client.over();
      assert.ok(client.plain.toString().endsWith('last words'));
    }
  });

  it('from a thread is given to a slow client in pieces, and counts as held until then', async () => {
    const body = Buffer.from(randomBytes(500_000).toString('hex'));
    for (const isFull of [false, true]) {
      const passage = new Passage({ accept: 'gzip', byteLength: body.length });
      const { client } = passage;
      passage.threads.isFull = isFull;
      client.isFull = true;
      await passage.feed(body, 100_000);
      passage.sink.end();
      await until(() => client.chunks.length === 1, { what: 'the first piece is there' });
      assert.ok(client.body.length <= limits.streamHighWaterBytes);
      assert.equal(passage.compression.heldBytes, body.length);
      assert.equal(client.ended, 0);
      while (client.ended === 0) client.source?.resume();
      assert.ok(client.plain.equals(body));
      assert.ok(passage.isFree);
    }
  });

  it('goes out as it is when too many streams run', async () => {
    const compression = makeCompression();
    for (let at = 0; at < limits.compressionStreamsMax; at++) compression.openStream();
    const passage = new Passage({ accept: 'zstd' }, compression);
    const body = page(300_000);
    await passage.feed(body, 30_000);
    passage.sink.end();
    assert.equal(passage.client.ended, 1);
    assert.equal(passage.client.field('content-encoding'), undefined);
    assert.ok(passage.client.body.equals(body));
    assert.equal(compression.counters.skipped, 1);
  });

  it('is streamed when there is no memory to hold it', async () => {
    const compression = makeCompression();
    assert.ok(compression.hold(limits.compressionHeldBytes));
    const passage = new Passage({ accept: 'zstd', byteLength: 100_000 }, compression);
    await passage.feed(page(100_000), 9000);
    passage.sink.end();
    await passage.client.over();
    assert.equal(passage.threads.tasks, 0);
    assert.ok(passage.client.plain.equals(page(100_000)));
    assert.equal(compression.heldBytes, limits.compressionHeldBytes);
  });

  it('breaks off where its source breaks off, and never ends', async () => {
    for (const fed of [0, 500, 5000, 60_000, 200_000]) {
      const passage = new Passage({ accept: 'gzip' });
      await passage.feed(page(fed), 9000);
      passage.sink.fail(new ProxyError('body_broken'));
      assert.equal(passage.client.error?.code, 'body_broken');
      await new Promise((resolve) => setTimeout(resolve, 2));
      assert.equal(passage.client.ended, 0);
      assert.ok(passage.isFree);
      assert.equal(passage.exchange.running, null);
    }
  });

  it('is given up when the client leaves, wherever it is', async () => {
    const error = new ProxyError('client_closed');
    for (const fed of [0, 500, 60_000, 200_000]) {
      const passage = new Passage({ accept: 'zstd' });
      await passage.feed(page(fed), 9000);
      assert.notEqual(passage.exchange.running, null);
      passage.exchange.running?.cancel(error);
      assert.equal(passage.cancelledBy, error);
      assert.ok(passage.isFree);
      const { length } = passage.client.chunks;
      await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(passage.client.chunks.length, length);
      assert.equal(passage.client.ended, 0);
    }
  });

  it('is given up when the client leaves while a thread works for it', async () => {
    const passage = new Passage({ accept: 'gzip', byteLength: 100_000 });
    await passage.feed(page(100_000), 100_000);
    passage.sink.end();
    assert.equal(passage.threads.tasks, 1);
    passage.exchange.running?.cancel(new ProxyError('client_closed'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual([passage.client.chunks.length, passage.client.ended], [0, 0]);
    assert.ok(passage.isFree);
  });

  it('is given up when a client that reads nothing leaves after the peer is done', async () => {
    const passage = new Passage({ accept: 'gzip' });
    passage.client.isFull = true;
    passage.sink.write(randomBytes(100_000));
    await until(() => passage.client.chunks.length > 0, { what: 'the client is full' });
    passage.sink.end();
    assert.equal(passage.compression.streams, 1);
    passage.exchange.running?.cancel(new ProxyError('client_closed'));
    assert.ok(passage.isFree);
    assert.equal(passage.client.ended, 0);
  });

  it('waits for a slow client, holding no more than its bounds', async (t) => {
    for (const accept of CODINGS) {
      const passage = new Passage({ accept });
      const { client } = passage;
      client.isFull = true;
      // What comes out is half of what goes in, and fills the client.
      const bytes = Buffer.from(randomBytes(60_000).toString('hex'));
      let fed = 0;
      const feeding = (async () => {
        for (let round = 0; round < 40; round++) {
          await passage.feed(bytes, 16_000);
          fed += bytes.length;
        }
        passage.sink.end();
      })();
      await until(() => passage.isPaused && client.chunks.length > 0, { what: 'it is full' });
      const reads = setInterval(() => client.source?.resume(), 1);
      t.after(() => clearInterval(reads));
      await until(() => fed > bytes.length * 2, { what: 'it goes on' });
      assert.ok(fed - client.body.length * 2 < 1 << 20, `${fed} fed, ${client.body.length} out`);
      client.isFull = false;
      await feeding;
      await client.over();
      clearInterval(reads);
      assert.equal(client.plain.length, bytes.length * 40);
      assert.ok(passage.isFree);
    }
  });
});
