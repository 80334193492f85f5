// Brotli with a dictionary (`dcb`, RFC 9842 section 4): who gets it, what it looks like, and what happens
// where it can't be had. What comes out is read by another implementation than made it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import { limits } from '../../../../src/core/limits.ts';
import { Compression } from '../../../../src/worker/compress/compression.ts';
import { DCB_BYTES_MAX } from '../../../../src/worker/compress/dictionary-body.ts';
import { encodeDcb } from '../../../../src/worker/offload/tasks/encode-dcb.ts';
import { until } from '../../../support/deadline.ts';
import { createSeededRandom } from '../../../support/random.ts';
import { type Answer, FakeThreads, Passage, page } from './bodies.ts';
import { hashOf, heard, OFFER, ON, passed, V1, V2 } from './versions.ts';

/** Its build for Node, which is of no other kind. */
const { decompress } = createRequire(import.meta.url)(
  'brotli-wasm-custom-dictionary',
) as typeof import('brotli-wasm-custom-dictionary');

/** A client that has V1; the length of the answer is known. */
function asking(body: Buffer, answer: Answer = {}): Answer {
  return {
    ...ON,
    accept: 'gzip, br, dcb',
    byteLength: body.length,
    requestHeaders: ['available-dictionary', hashOf(V1)],
    ...answer,
  };
}

function digest(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest();
}

function read(body: Buffer, dictionary: Buffer): Buffer {
  return Buffer.from(decompress(body.subarray(36), { customDictionary: dictionary }));
}

describe('brotli with a dictionary', () => {
  it('is what section 4 says, of known length', async () => {
    const compression = await heard(V1);
    const { client, exchange } = await passed(V2, asking(V2), compression);
    assert.equal(client.field('content-encoding'), 'dcb');
    assert.equal(client.field('etag'), 'W/"1"');
    const varied = client.headers!.filter((_, at) => client.headers![at - 1] === 'vary');
    assert.deepEqual(varied, ['accept-encoding', 'available-dictionary']);
    assert.equal(client.body.subarray(0, 4).toString('hex'), 'ff444342');
    assert.ok(client.body.subarray(4, 36).equals(digest(V1)));
    assert.ok(read(client.body, V1).equals(V2));
    assert.ok(client.body.length < 200, `${client.body.length} bytes`);
    assert.equal(client.byteLength, client.body.length);
    assert.deepEqual([exchange.encoding, exchange.plainBytes], ['dcb', V2.length]);
    const { responses, bytesIn, bytesOut } = compression.counters.codings.dcb;
    assert.deepEqual([responses, bytesIn, bytesOut], [1, V2.length, client.body.length]);
    assert.deepEqual([compression.heldBytes, exchange.running], [0, null]);
  });

  it('leaves room for trailers behind it, but for digests of other bytes', async () => {
    const passage = new Passage(asking(V2), await heard(V1));
    await passage.feed(V2, 50_000);
    passage.exchange.responseTrailers = ['x-sum', '1', 'content-digest', 'sha-256=:AA==:'];
    passage.sink.end();
    await passage.client.over();
    assert.equal(passage.client.field('content-encoding'), 'dcb');
    assert.deepEqual(passage.exchange.responseTrailers, ['x-sum', '1']);
    assert.equal(passage.client.byteLength, -1);
  });

  it('is chosen as the client and the list of codings like it best, for bodies that are whole', async () => {
    const compression = await heard(V1);
    const long = page(DCB_BYTES_MAX + 1);
    const cases: [answer: Answer, coding: string][] = [
      [asking(V2), 'dcb'],
      [asking(V2, { accept: 'dcb, dcz' }), 'dcz'],
      [asking(V2, { accept: 'dcb, dcz;q=0.9' }), 'dcb'],
      [
        asking(V2, { accept: 'dcb, dcz', policy: { ...ON.policy, encodings: ['br', 'zstd'] } }),
        'dcb',
      ],
      [asking(V2, { accept: 'dcb, dcz', policy: { ...ON.policy, encodings: ['br'] } }), 'dcb'],
      [asking(V2, { accept: 'br, dcz', policy: { ...ON.policy, encodings: ['br'] } }), 'br'],
      [asking(V2, { accept: 'br, dcb;q=0' }), 'br'],
      [asking(V2, { accept: 'gzip, *' }), 'zstd'],
      [asking(V2, { byteLength: -1 }), 'br'],
      [asking(V2, { byteLength: -1, accept: 'dcb, dcz;q=0.1' }), 'dcz'],
      [asking(long), 'br'],
      [asking(long, { accept: 'dcb, dcz;q=0.1' }), 'dcz'],
      [asking(V2, { method: 'HEAD' }), 'dcb'],
    ];
    for (const [answer, coding] of cases) {
      const passage = new Passage({ ...answer }, compression);
      const body = answer.byteLength === long.length ? long : V2;
      if (answer.method !== 'HEAD') await passage.feed(body, 50_000);
      passage.sink.end();
      await passage.client.over();
      const said = passage.exchange.responseHeaders;
      assert.equal(said[said.indexOf('content-encoding') + 1], coding, JSON.stringify(answer));
      assert.equal(compression.heldBytes + compression.streams, 0);
    }
  });

  it('gives way to the usual coding without a thread, when that fails, and without memory', async () => {
    const obstacles: ((passage: Passage) => void)[] = [
      ({ threads }) => {
        threads.isFull = true;
      },
      ({ threads }) => {
        threads.failure = new Error('no room for 7 bytes');
      },
      ({ compression }) => {
        assert.ok(compression.hold(limits.compressionHeldBytes - compression.heldBytes));
      },
    ];
    for (const obstruct of obstacles) {
      const compression = await heard(V1);
      // Long enough for a thread: that of the usual way is not to be had either.
      const passage = new Passage(asking(V2), compression);
      obstruct(passage);
      const held = compression.heldBytes;
      await passage.feed(V2, 9000);
      passage.sink.end();
      passage.threads.failure = null;
      await passage.client.over();
      assert.equal(passage.client.error, null);
      assert.ok(passage.client.plain.equals(V2), passage.client.field('content-encoding'));
      assert.equal(compression.heldBytes, held);
      assert.equal(passage.exchange.running, null);
      assert.equal(compression.counters.codings.dcb.responses, 0);
    }
  });

  it('gives way to the usual coding where it saves nothing', async () => {
    const compression = await heard(V1);
    const body = Buffer.from(Array.from({ length: 2000 }, (_, at) => (at * 7919 * 31) & 0xff));
    const noise = Buffer.concat(Array.from({ length: 63 }, (_, at) => digest(Buffer.of(at))));
    for (const [bytes, coding] of [
      [noise, undefined],
      [body, 'dcb'],
    ] as const) {
      const { client } = await passed(bytes, asking(bytes), compression);
      assert.equal(client.field('content-encoding'), coding);
      assert.ok(
        coding === undefined ? client.body.equals(bytes) : read(client.body, V1).equals(bytes),
      );
    }
  });

  it('is not waited for where the body comes slowly', async () => {
    const compression = await heard(V1);
    const passage = new Passage(asking(V2), compression);
    const { client } = passage;
    passage.sink.write(V2.subarray(0, 5000));
    await until(() => client.body.length > 0, { what: 'the first lines' });
    assert.equal(client.field('content-encoding'), 'br');
    await passage.feed(V2.subarray(5000), 9000);
    passage.sink.end();
    await client.over();
    assert.ok(client.plain.equals(V2));
    assert.ok(passage.isFree);
  });

  it('holds nothing any more when the peer breaks off, or the client leaves, at any time', async () => {
    const compression = await heard(V1);
    for (const bytes of [0, 5000, V2.length]) {
      const broken = new Passage(asking(V2), compression);
      if (bytes > 0) broken.sink.write(V2.subarray(0, bytes));
      broken.sink.fail(new ProxyError('body_broken'));
      assert.equal(broken.client.error?.code, 'body_broken');
      assert.deepEqual([broken.isFree, broken.exchange.running], [true, null]);

      const left = new Passage(asking(V2), compression);
      if (bytes > 0) left.sink.write(V2.subarray(0, bytes));
      left.exchange.running!.cancel(new ProxyError('client_closed'));
      assert.equal(left.cancelledBy?.code, 'client_closed');
      assert.deepEqual([left.isFree, left.exchange.running], [true, null]);
    }
    // While a thread is at it.
    const late = new Passage(asking(V2), compression);
    await late.feed(V2, 9000);
    late.sink.end();
    late.exchange.running!.cancel(new ProxyError('client_closed'));
    const next = await passed(V2, asking(V2), compression);
    assert.ok(read(next.client.body, V1).equals(V2));
    assert.deepEqual([late.client.headers, late.isFree], [null, true]);
  });

  it('is made by a thread of its own, so that nothing else waits for it', async () => {
    const [threads, alone] = [new FakeThreads(), new FakeThreads()];
    const compression = new Compression({ offload: threads, spare: threads, alone });
    await passed(V1, { ...ON, headers: OFFER }, compression);
    const before = threads.tasks;
    const { client } = await passed(V2, asking(V2), compression);
    assert.equal(client.field('content-encoding'), 'dcb');
    assert.deepEqual([alone.tasks, threads.tasks - before], [1, 0]);
    alone.isFull = true;
    const second = await passed(V2, asking(V2), compression);
    assert.equal(second.client.field('content-encoding'), 'br');
    assert.ok(second.client.plain.equals(V2));
  });

  it('is given to nobody when the client is gone at its start', async () => {
    const compression = await heard(V1);
    const gone = async (answer: Answer, act: (passage: Passage) => void | Promise<void>) => {
      const passage = new Passage(answer, compression);
      const { client, exchange, threads } = passage;
      let hasStarted = false;
      client.start = (source) => {
        hasStarted = true;
        source.cancel(new ProxyError('client_closed'));
      };
      await act(passage);
      await until(() => hasStarted, { what: 'the start' });
      assert.deepEqual([client.chunks.length, client.ended, client.error], [0, 0, null]);
      assert.deepEqual([passage.isFree, exchange.running], [true, null]);
      threads.isFull = false;
    };
    const plainElse = asking(V2, { accept: 'dcb' });
    const whole = async (passage: Passage) => {
      await passage.feed(V2, 9000);
      passage.sink.end();
    };
    await gone(asking(V2), whole);
    await gone(plainElse, (passage) => {
      passage.threads.isFull = true;
      return whole(passage);
    });
    await gone(plainElse, ({ sink }) => {
      sink.write(V2.subarray(0, 5000));
    });
    await gone(plainElse, ({ sink }) => {
      sink.write(Buffer.concat([V2, V2]));
    });
    await gone(asking(V2), ({ sink }) => sink.fail(new ProxyError('body_broken')));
  });

  it('makes slow clients wait for nobody but themselves', async () => {
    const compression = await heard(V1);
    const noise = Buffer.concat(
      Array.from({ length: 4000 }, (_, at) => digest(Buffer.of(at, at >> 8))),
    );
    const body = Buffer.concat([V1, noise]);
    const passage = new Passage(asking(body), compression);
    const { client } = passage;
    client.isFull = true;
    await passage.feed(body, 9000);
    passage.sink.end();
    while (client.ended === 0) {
      const before = client.chunks.length;
      await until(() => client.chunks.length > before || client.ended > 0, { what: 'a piece' });
      assert.ok(client.chunks.length <= before + 1);
      client.source!.resume();
    }
    assert.ok(client.chunks.length > 1);
    assert.ok(read(client.body, V1).equals(body));
    assert.equal(compression.heldBytes, 0);
  });

  it('is never more, or less, than was declared', async () => {
    const compression = await heard(V1);
    const long = new Passage(asking(V1), compression);
    await long.feed(V2, 9000);
    long.sink.end();
    await long.client.over();
    assert.notEqual(long.client.field('content-encoding'), 'dcb');
    const short = new Passage(asking(V2), compression);
    await short.feed(V1, 9000);
    short.sink.end();
    await short.client.over();
    assert.notEqual(short.client.field('content-encoding'), 'dcb');
    assert.ok(long.isFree && short.isFree);
  });
});

describe('the encoder', () => {
  it('makes what another implementation reads, whatever body and dictionary have in common', () => {
    const { below, bytes, pick } = createSeededRandom();
    const text = page(200_000);
    const noise = Buffer.from(bytes(5000));
    for (let turn = 0; turn < 60; turn++) {
      const dictionary =
        turn % 5 === 0 ? noise : text.subarray(below(199_000)).subarray(0, 1 + below(60_000));
      const parts: Buffer[] = [];
      for (let part = below(12); part >= 0; part--) {
        const from = pick([dictionary, dictionary, text, noise]);
        parts.push(from.subarray(below(from.length)).subarray(0, 1 + below(3000)));
        // Over its end, and again from its beginning.
        if (below(3) === 0)
          parts.push(dictionary.subarray(-below(40)), dictionary.subarray(0, below(40)));
      }
      const body = Buffer.concat(parts);
      const result = encodeDcb({ body, dictionary, level: below(12) });
      if (result === body) continue;
      const back = Buffer.from(decompress(result, { customDictionary: dictionary }));
      assert.ok(back.equals(body), `turn ${turn}: ${dictionary.length} for ${body.length}`);
    }
  });

  it('gives back all that it took', () => {
    // 304 MiB in all: what was kept of each turn would not fit.
    const dictionary = page(limits.dictionaryBytes);
    const body = Buffer.concat([
      dictionary.subarray(1000, 3000),
      dictionary.subarray(500_000, 501_000),
    ]);
    for (let turn = 0; turn < 300; turn++) {
      assert.ok(encodeDcb({ body, dictionary, level: 5 }).length < 400);
    }
  });
});
