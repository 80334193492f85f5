// Dictionaries (RFC 9842): heard when a peer offers one, used for the clients that have it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { ProxyError } from '../../../../src/core/errors.ts';
import { limits } from '../../../../src/core/limits.ts';
import { until } from '../../../support/deadline.ts';
import { type Answer, makeCompression, Passage, page } from './bodies.ts';
import { hashOf, heard, OFFER, ON, passed, V1, V2 } from './versions.ts';

function asking(content: Uint8Array, accept = 'gzip, br, zstd, dcb, dcz'): Answer {
  return { ...ON, accept, requestHeaders: ['available-dictionary', hashOf(content)] };
}

/** Whether the head says so; gives the answer up. */
function isUsed({ exchange }: Passage): boolean {
  exchange.running?.cancel(new ProxyError('client_closed'));
  return exchange.responseHeaders.includes('dcz');
}

describe('a dictionary', () => {
  it('is named to HEAD as to GET', async () => {
    const compression = await heard(V1);
    const head = new Passage({ ...asking(V1), method: 'HEAD' }, compression);
    assert.ok(head.isUntouched);
    assert.ok(head.exchange.responseHeaders.includes('dcz'));
    assert.ok(head.exchange.responseHeaders.includes('available-dictionary'));
    assert.deepEqual([head.exchange.responseByteLength, compression.streams], [-1, 0]);
  });

  it('makes a new version of a page nearly free for clients that have the old one', async () => {
    const compression = await heard(V1, { accept: 'br' });
    const { client, exchange } = await passed(V2, asking(V1), compression);
    assert.equal(client.field('content-encoding'), 'dcz');
    assert.equal(client.field('etag'), 'W/"1"');
    const varied = client.headers!.filter((_, at) => client.headers![at - 1] === 'vary');
    assert.deepEqual(varied, ['accept-encoding', 'available-dictionary']);
    assert.ok(client.body.length < 500, `${client.body.length} bytes`);
    // Section 5: a skippable frame with the hash, then a stream that needs the dictionary.
    assert.equal(client.body.subarray(0, 8).toString('hex'), '5e2a4d1820000000');
    assert.equal(`:${client.body.subarray(8, 40).toString('base64')}:`, hashOf(V1));
    assert.ok(zstdDecompressSync(client.body.subarray(40), { dictionary: V1 }).equals(V2));
    assert.equal(exchange.encoding, 'dcz');
    assert.equal(compression.counters.codings.dcz.responses, 1);
    assert.equal(compression.streams, 0);
  });

  it('is used for nobody who does not name it, in full and by the right coding', async () => {
    const compression = await heard(V1);
    const available = 'available-dictionary';
    const others: Answer[] = [
      asking(V2),
      { ...asking(V1, 'zstd, dcb'), policy: { dictionaries: true, encodings: ['zstd', 'gzip'] } },
      asking(V1, 'zstd, dcz;q=0'),
      asking(V1, '*'),
      { ...ON, accept: 'zstd, dcz' },
      { ...ON, accept: 'zstd, dcz', requestHeaders: [available, hashOf(V1).slice(1)] },
      { ...ON, accept: 'zstd, dcz', requestHeaders: [available, ':AAAA:'] },
      { ...asking(V1), policy: { dictionaries: false } },
    ];
    for (const answer of others) {
      const { client } = await passed(V2, answer, compression);
      assert.equal(client.field('content-encoding'), 'zstd');
      assert.ok(client.plain.equals(V2));
    }
  });

  // Who guesses the hash of what another site holds must not learn by the size of an answer.
  it('is used for its own origin only', async () => {
    const compression = await heard(V1);
    assert.equal(isUsed(new Passage(asking(V1), compression)), true);
    assert.equal(isUsed(new Passage({ ...asking(V1), host: 'other.example' }, compression)), false);
  });

  // A page of another site loads an answer that it can't read, as a script or an image, and looks how long
  // it is.
  it('is not used for pages of other origins that may not read the answer', async () => {
    const compression = await heard(V1);
    const from = (site: string, mode: string, origin?: string, allowed?: string) => {
      const asked = asking(V1);
      const fields = [...asked.requestHeaders!, 'sec-fetch-site', site, 'sec-fetch-mode', mode];
      if (origin !== undefined) fields.push('origin', origin);
      const headers = ['content-type', 'text/html'];
      if (allowed !== undefined) headers.push('access-control-allow-origin', allowed);
      return isUsed(new Passage({ ...asked, requestHeaders: fields, headers }, compression));
    };
    assert.equal(from('same-origin', 'no-cors'), true);
    assert.equal(from('none', 'navigate'), true);
    assert.equal(from('cross-site', 'navigate'), true);
    assert.equal(from('cross-site', 'no-cors'), false);
    assert.equal(from('same-site', 'no-cors', 'https://b.example', '*'), false);
    assert.equal(from('cross-site', 'cors', 'https://b.example'), false);
    assert.equal(from('cross-site', 'cors', 'https://b.example', 'https://c.example'), false);
    assert.equal(from('cross-site', 'cors', undefined, '*'), false);
    assert.equal(from('cross-site', 'cors', 'https://b.example', '*'), true);
    assert.equal(from('same-site', 'cors', 'https://b.example', 'https://b.example'), true);
  });

  it('is heard from whole answers that are offered as raw content, of a bounded size', async () => {
    const large = page(limits.dictionaryBytes + 1);
    const formatted = Buffer.concat([Buffer.from('37a430ec', 'hex'), V1]);
    const refused: [body: Buffer, answer: Answer][] = [
      [V1, { headers: ['content-type', 'text/html'] }],
      [V1, { headers: ['content-type', 'text/html', 'use-as-dictionary', 'id="x"'] }],
      [V1, { headers: [...OFFER.slice(0, 3), 'match="/p/*", type=other'] }],
      [V1, { status: 404 }],
      [large, {}],
      [large, { byteLength: large.length }],
      [formatted, {}],
    ];
    for (const [body, answer] of refused) {
      const compression = await heard(body, answer);
      assert.equal(compression.dictionaries.bytes, 0);
    }
    const once = await heard(V1);
    assert.equal(once.dictionaries.bytes, V1.length);
    await passed(V1, { ...ON, headers: OFFER }, once);
    assert.equal(once.dictionaries.bytes, V1.length);
  });

  // Many answers at once that are offered as dictionaries, each as long as may be, from a peer that stalls.
  it('is copied on its way for as many answers as there is room', async () => {
    const compression = makeCompression();
    const { dictionaries } = compression;
    const body = page(limits.dictionaryBytes);
    const passages = Array.from(
      { length: 20 },
      () => new Passage({ ...ON, headers: OFFER }, compression),
    );
    await Promise.all(passages.map((passage) => passage.feed(body.subarray(0, -1), 65_536)));
    assert.ok(dictionaries.copiedBytes > limits.dictionariesBytes / 2);
    assert.ok(dictionaries.copiedBytes <= limits.dictionariesBytes);
    const [first, second, ...others] = passages;
    first!.sink.end();
    second!.sink.fail(new ProxyError('body_broken'));
    for (const { exchange } of others) exchange.running?.cancel(new ProxyError('client_closed'));
    assert.equal(dictionaries.copiedBytes, 0);
    assert.equal(dictionaries.bytes, body.length - 1, 'whoever had room is kept as ever');
  });

  it('makes room for others, the longest unused first', async () => {
    const compression = makeCompression();
    const bytes = limits.dictionaryBytes;
    const versions = Array.from({ length: 18 }, (_, at) => {
      const version = page(bytes);
      version.writeUInt32LE(at, 0);
      return version;
    });
    const isKnown = (version: Buffer) => isUsed(new Passage(asking(version), compression));
    for (const version of versions) {
      await passed(version, { ...ON, headers: OFFER, byteLength: bytes }, compression);
      // Used each time: stays.
      isKnown(versions[0]!);
    }
    assert.ok(compression.dictionaries.bytes <= limits.dictionariesBytes);
    assert.deepEqual(versions.slice(0, 4).map(isKnown), [true, false, false, true]);
  });

  it('serves answers that come slowly, line by line', async () => {
    const compression = await heard(V1);
    const passage = new Passage(asking(V1), compression);
    const { client } = passage;
    passage.sink.write(V2.subarray(0, 5000));
    await until(() => client.body.length > 40, { what: 'the first lines' });
    passage.sink.write(V2.subarray(5000));
    passage.sink.end();
    await client.over();
    assert.ok(zstdDecompressSync(client.body.subarray(40), { dictionary: V1 }).equals(V2));
  });
});
