// Answers from a cache: each encoding is made once and kept, better ones come later, and within a budget.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { CachedVariant, type StoredResponse } from '../../../../src/core/cache.ts';
import { ProxyError } from '../../../../src/core/errors.ts';
import type { Source } from '../../../../src/core/sink.ts';
import { keepCodingWish, PlainStage } from '../../../../src/worker/compress/coding-wish.ts';
import { CompressStage } from '../../../../src/worker/compress/compress-stage.ts';
import type { Compression } from '../../../../src/worker/compress/compression.ts';
import { BETTER_AFTER_HITS } from '../../../../src/worker/compress/stored-encodings.ts';
import { until } from '../../../support/deadline.ts';
import { makeExchange } from '../support/exchanges.ts';
import { Client, type FakeThreads, makeCompression, POLICY, page } from './bodies.ts';

const NOTHING_BEHIND: Source = { pause() {}, resume() {}, cancel() {} };

/** A cache with one answer, and clients that ask for it. */
class Shelf {
  readonly compression: Compression;
  readonly threads: FakeThreads;
  variant: CachedVariant;
  kept = 0;
  readonly #stage: CompressStage;

  constructor(body: Buffer, compression = makeCompression()) {
    this.compression = compression;
    this.threads = compression.offload as FakeThreads;
    const headers = ['content-type', 'text/html', 'etag', '"1"', 'age', '3'];
    this.variant = new CachedVariant({ headers } as unknown as StoredResponse, body);
    this.#stage = new CompressStage(POLICY, this.compression, {
      addEncoding: (variant, coding, encoded) => {
        if (variant !== this.variant) return;
        this.kept += 1;
        variant.encodings ??= new Map();
        variant.encodings.set(coding, encoded);
      },
    });
  }

  /** Answers what was stored while it passed. */
  miss(accept: string): Client {
    const client = new Client();
    const exchange = makeExchange({ headers: ['accept-encoding', accept] }, client);
    client.exchange = exchange;
    exchange.status = 200;
    exchange.responseHeaders = this.variant.response.headers.slice();
    const sink = this.#stage.attach(exchange, client);
    sink.start(NOTHING_BEHIND);
    sink.write(this.variant.body);
    exchange.cached = this.variant;
    sink.end();
    return client;
  }

  /** A 304 came: as the store does it. */
  refresh(): void {
    const { response, body, encodings } = this.variant;
    this.variant = new CachedVariant(response, body);
    this.variant.encodings = encodings;
  }

  /** Answers as the cache does: in pieces of 64 KiB where the body is long. */
  hit(accept: string, client = new Client(), { method = 'GET', status = 200 } = {}): Client {
    const headers = ['accept-encoding', accept];
    const exchange = makeExchange({ method, headers }, client);
    client.exchange = exchange;
    exchange.status = status;
    exchange.cached = this.variant;
    exchange.responseHeaders = this.variant.response.headers.slice();
    exchange.responseByteLength = this.variant.body.byteLength;
    const sink = this.#stage.attach(exchange, client);
    sink.start(NOTHING_BEHIND);
    if (method === 'GET') {
      for (let at = 0; at < this.variant.body.byteLength; at += 65_536) {
        sink.write(this.variant.body.subarray(at, at + 65_536));
      }
    }
    sink.end();
    return client;
  }
}

describe('an answer from a cache', () => {
  for (const bytes of [5000, 300_000]) {
    it(`of ${bytes} bytes is encoded once for all who come, also at the same time`, async () => {
      const body = page(bytes);
      const shelf = new Shelf(body);
      for (const coding of ['gzip', 'br', 'zstd'] as const) {
        const first = Array.from({ length: 10 }, () => shelf.hit(coding));
        for (const client of first) await client.over();
        const later = shelf.hit(coding);
        assert.equal(later.ended, 1);
        for (const client of [...first, later]) {
          assert.equal(client.field('content-encoding'), coding);
          assert.equal(client.field('etag'), 'W/"1"');
          assert.equal(client.field('vary'), 'accept-encoding');
          assert.equal(client.byteLength, client.body.length);
          assert.ok(client.plain.equals(body));
        }
        assert.equal(shelf.compression.counters.codings[coding].responses, 1);
      }
      assert.equal(shelf.kept, 3);
      assert.equal(shelf.threads.tasks, bytes > 16_384 ? 3 : 0);
      assert.ok(shelf.hit('identity').body.equals(body));
      assert.ok(Buffer.from(shelf.variant.body).equals(body));
    });
  }

  it('is encoded once for those who waited until it was stored, and for those who come later', async () => {
    for (const bytes of [5000, 60_000]) {
      const shelf = new Shelf(page(bytes));
      const clients = Array.from({ length: 10 }, () => shelf.miss('gzip'));
      for (const client of clients) await client.over();
      clients.push(shelf.miss('gzip'), shelf.hit('gzip'));
      for (const client of clients) {
        assert.equal(client.ended, 1);
        assert.equal(client.field('content-encoding'), 'gzip');
        assert.equal(client.byteLength, client.body.length);
        assert.ok(client.plain.equals(page(bytes)));
        assert.deepEqual([client.exchange.plainBytes, client.exchange.running], [bytes, null]);
      }
      assert.equal(shelf.kept, 1);
      assert.equal(shelf.compression.counters.codings.gzip.responses, 1);
      assert.deepEqual([shelf.compression.heldBytes, shelf.compression.streams], [0, 0]);
    }
  });

  it('goes out as it is when it was stored meanwhile, and no thread has time', async () => {
    const shelf = new Shelf(page(60_000));
    shelf.threads.isFull = true;
    const client = shelf.miss('gzip');
    await client.over();
    assert.equal(client.field('content-encoding'), undefined);
    assert.ok(client.body.equals(page(60_000)));
  });

  it('is encoded once whatever its status', async () => {
    const shelf = new Shelf(page(5000));
    for (let round = 0; round < 3; round++) {
      const client = shelf.hit('gzip', new Client(), { status: 404 });
      await client.over();
      assert.ok(client.plain.equals(page(5000)));
    }
    assert.equal(shelf.compression.counters.codings.gzip.responses, 1);
  });

  it('keeps an encoding under the head that came while it was made', async () => {
    const shelf = new Shelf(page(100_000));
    const before = shelf.hit('br');
    shelf.refresh();
    const after = shelf.hit('br');
    for (const client of [before, after]) await client.over();
    assert.equal(shelf.hit('br').field('content-encoding'), 'br');
    assert.deepEqual([shelf.kept, shelf.threads.tasks], [1, 1]);
  });

  it('goes out as it is when no thread has time, and is encoded another time', async () => {
    const shelf = new Shelf(page(100_000));
    shelf.threads.isFull = true;
    const client = shelf.hit('br');
    await client.over();
    assert.equal(client.field('content-encoding'), undefined);
    assert.ok(client.body.equals(page(100_000)));
    assert.equal(shelf.compression.counters.skipped, 1);
    shelf.threads.isFull = false;
    const next = shelf.hit('br');
    await next.over();
    assert.equal(next.field('content-encoding'), 'br');
  });

  it('goes out as it is when its thread dies', async () => {
    const shelf = new Shelf(page(100_000));
    shelf.threads.failure = new Error('out of memory');
    const client = shelf.hit('br');
    await client.over();
    assert.ok(client.body.equals(page(100_000)));
    assert.equal(client.error, null);
  });

  it('is not tried again when encoding makes it longer', async () => {
    const noise = randomBytes(40_000);
    const shelf = new Shelf(noise);
    for (let round = 0; round < 3; round++) {
      const client = shelf.hit('gzip');
      await client.over();
      assert.ok(client.body.equals(noise));
      assert.equal(client.field('content-encoding'), undefined);
    }
    assert.equal(shelf.threads.tasks, 1);
  });

  it('is plain for HEAD as for GET where a coding makes it no shorter', async () => {
    const shelf = new Shelf(randomBytes(5000));
    await shelf.hit('gzip').over();
    const head = shelf.hit('gzip', new Client(), { method: 'HEAD' });
    assert.deepEqual([head.field('content-encoding'), head.field('etag')], [undefined, '"1"']);
    assert.deepEqual([head.field('vary'), head.byteLength], ['accept-encoding', 5000]);
  });

  it('tells HEAD the length once it is known', async () => {
    const shelf = new Shelf(page(5000));
    const before = shelf.hit('gzip', new Client(), { method: 'HEAD' });
    assert.deepEqual([before.byteLength, before.field('content-encoding')], [-1, 'gzip']);
    const get = shelf.hit('gzip');
    await get.over();
    const after = shelf.hit('gzip', new Client(), { method: 'HEAD' });
    assert.deepEqual(
      [after.byteLength, after.field('content-encoding')],
      [get.body.length, 'gzip'],
    );
  });

  it('waits for a slow client, and is given up with it', async () => {
    const noise = randomBytes(500_000).toString('hex');
    const shelf = new Shelf(Buffer.from(noise));
    const first = shelf.hit('gzip');
    await first.over();
    const slow = new Client();
    slow.isFull = true;
    shelf.hit('gzip', slow);
    for (let round = 1; round < 4; round++) {
      assert.equal(slow.chunks.length, round);
      slow.source?.resume();
    }
    const gone = new Client();
    gone.isFull = true;
    shelf.hit('gzip', gone);
    gone.exchange.running?.cancel(new ProxyError('client_closed'));
    gone.source?.resume();
    assert.deepEqual([gone.chunks.length, gone.ended, gone.exchange.running], [1, 0, null]);
    slow.isFull = false;
    slow.source?.resume();
    assert.equal(slow.ended, 1);
    assert.equal(slow.plain.toString(), noise);
  });

  it('becomes denser when it is asked for often', async () => {
    const shelf = new Shelf(page(50_000));
    shelf.compression.background.configure(1);
    const usual: Record<string, number> = {};
    for (const coding of ['br', 'zstd'] as const) {
      await shelf.hit(coding).over();
      usual[coding] = shelf.variant.encodings!.get(coding)!.byteLength;
      for (let hits = 0; hits < BETTER_AFTER_HITS * 2; hits++) shelf.hit(coding);
      const isBetter = () => shelf.variant.encodings!.get(coding)!.byteLength < usual[coding]!;
      await until(isBetter, { what: `the better ${coding} is there` });
      const client = shelf.hit(coding);
      assert.ok(client.plain.equals(page(50_000)));
    }
    assert.equal(shelf.kept, 4);
  });

  it('becomes denser whatever heads came meanwhile', async () => {
    const shelf = new Shelf(page(50_000));
    shelf.compression.background.configure(1);
    await shelf.hit('br').over();
    const usual = shelf.variant.encodings!.get('br')!.byteLength;
    for (let hits = 0; hits < BETTER_AFTER_HITS; hits++) shelf.hit('br');
    shelf.refresh();
    shelf.hit('br');
    const isBetter = () => shelf.variant.encodings!.get('br')!.byteLength < usual;
    await until(isBetter, { what: 'the better one is there' });
  });

  it('becomes denser later when too much else waits for that', async () => {
    const shelf = new Shelf(page(50_000));
    const { background } = shelf.compression;
    await shelf.hit('br').over();
    const usual = shelf.variant.encodings!.get('br')!.byteLength;
    for (let hits = 0; hits < BETTER_AFTER_HITS; hits++) shelf.hit('br');
    assert.equal(background.jobs, 0);
    background.configure(1);
    for (let hits = 0; hits < BETTER_AFTER_HITS; hits++) shelf.hit('br');
    const isBetter = () => shelf.variant.encodings!.get('br')!.byteLength < usual;
    await until(isBetter, { what: 'the better one is there' });
  });

  it('is not held by the wish for a denser encoding', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const compression = makeCompression();
    compression.background.configure(0.000_001);
    const wanted = async (): Promise<WeakRef<Uint8Array>> => {
      const shelf = new Shelf(page(50_000), compression);
      await shelf.hit('br').over();
      for (let hits = 0; hits < BETTER_AFTER_HITS; hits++) shelf.hit('br');
      const { response, body } = shelf.variant;
      shelf.variant = new CachedVariant(response, Buffer.alloc(0));
      return new WeakRef(body);
    };
    await wanted();
    const waits = await wanted();
    assert.equal(compression.background.jobs, 1);
    await until(
      () => {
        collect();
        return waits.deref() === undefined;
      },
      { what: 'it is forgotten' },
    );
    compression.background.close();
  });
});

describe('where answers are stored', () => {
  it('peer and cache do not see what the client accepts, compression does', () => {
    const headers = ['accept-encoding', 'br', 'x', 'y', 'accept-encoding', 'gzip;q=0.1'];
    const exchange = makeExchange({ headers });
    keepCodingWish.apply(exchange);
    assert.deepEqual(exchange.requestHeaders, ['x', 'y']);
    assert.equal(exchange.acceptEncoding, 'br,gzip;q=0.1');
    const silent = makeExchange({ headers: ['x', 'y'] });
    keepCodingWish.apply(silent);
    assert.equal(silent.acceptEncoding, '');
  });

  it('what a peer encodes all the same is decoded before', async () => {
    const ends: string[] = [];
    const stage = new PlainStage({ bytesMax: 1 << 20, ratioMax: 100 }, (end) => ends.push(end));
    const client = new Client();
    const exchange = makeExchange({}, client);
    client.exchange = exchange;
    exchange.status = 200;
    exchange.responseHeaders = ['content-type', 'text/html', 'content-encoding', 'gzip'];
    const sink = stage.attach(exchange, client);
    sink.start(NOTHING_BEHIND);
    sink.write(gzipSync(page(9000)));
    sink.end();
    await client.over();
    assert.ok(client.body.equals(page(9000)));
    assert.equal(client.field('content-encoding'), undefined);
    assert.deepEqual(ends, ['done']);
    for (const status of [204, 205, 206, 304]) {
      exchange.status = status;
      exchange.responseHeaders = ['content-encoding', 'gzip'];
      assert.equal(stage.attach(exchange, client), client);
    }
    exchange.status = 302;
    exchange.responseByteLength = 0;
    assert.equal(stage.attach(exchange, client), client);
  });
});
