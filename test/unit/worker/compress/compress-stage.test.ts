// When the stage stays out, and what a response head says when it does not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RawHeaders } from '../../../../src/core/headers.ts';
import { type Answer, Passage, page } from './bodies.ts';

const html = ['content-type', 'text/html'];

describe('the stage of compression', () => {
  const untouched: readonly [why: string, answer: Answer][] = [
    ['the client says nothing', {}],
    ['the client wants it plain', { accept: 'identity' }],
    ['the client knows other codings only', { accept: 'deflate, compress' }],
    ['it is too short', { accept: 'gzip', byteLength: 1023 }],
    ['there is no body', { accept: 'gzip', byteLength: 0 }],
    ['it has no type', { accept: 'gzip', headers: [] }],
    ['it is an image', { accept: 'gzip', headers: ['content-type', 'image/png'] }],
    ['it is an event stream', { accept: 'gzip', headers: ['content-type', 'text/event-stream'] }],
    ['it is gRPC', { accept: 'gzip', headers: ['content-type', 'application/grpc+json'] }],
    [
      'the peer forbids',
      { accept: 'gzip', headers: [...html, 'cache-control', 'public, no-transform'] },
    ],
    ['the client forbids', { accept: 'gzip', requestHeaders: ['cache-control', 'No-Transform'] }],
    [
      'the client forbids in a second line',
      {
        accept: 'gzip',
        requestHeaders: ['cache-control', 'max-age=9', 'cache-control', 'no-transform'],
      },
    ],
    ['it is encoded already', { accept: 'gzip', headers: [...html, 'content-encoding', 'gzip'] }],
    [
      'its coding is unknown',
      { accept: 'gzip', headers: [...html, 'content-encoding', 'aes128gcm'] },
    ],
    ['it is encoded twice', { headers: [...html, 'content-encoding', 'br, gzip'] }],
    ['it is a part', { accept: 'gzip', status: 206 }],
    [
      'it says which part it is',
      { accept: 'gzip', headers: [...html, 'content-range', 'bytes 0-9/20'] },
    ],
    [
      'its bytes are signed',
      { accept: 'gzip', headers: [...html, 'content-digest', 'sha-256=:AA==:'] },
    ],
    ['it is 204', { accept: 'gzip', status: 204 }],
    ['it is 205', { accept: 'gzip', status: 205 }],
    ['it is 101', { accept: 'gzip', status: 101 }],
    ['it is 304', { accept: 'gzip', status: 304 }],
  ];
  for (const [why, answer] of untouched) {
    it(`stays out when ${why}`, () => {
      const passage = new Passage(answer);
      assert.ok(passage.isUntouched);
      const { responseHeaders } = passage.exchange;
      const coding = answer.headers?.[answer.headers.indexOf('content-encoding') + 1];
      const isEncoded = answer.headers?.includes('content-encoding') === true;
      assert.deepEqual(valuesOf(responseHeaders, 'content-encoding'), isEncoded ? [coding] : []);
      assert.equal(passage.exchange.responseByteLength, answer.byteLength ?? -1);
    });
  }

  it('tells caches that the answer goes by Accept-Encoding, also where it is plain', () => {
    for (const accept of [undefined, 'identity', 'gzip']) {
      const passage = new Passage(accept === undefined ? {} : { accept });
      assert.deepEqual(valuesOf(passage.exchange.responseHeaders, 'vary'), ['accept-encoding']);
    }
    const short = new Passage({ accept: 'gzip', byteLength: 10 });
    assert.deepEqual(valuesOf(short.exchange.responseHeaders, 'vary'), []);
  });

  it('tells caches so of a part, too', () => {
    const varyOf = (contentType: string) => {
      const passage = new Passage({ status: 206, headers: ['content-type', contentType] });
      return valuesOf(passage.exchange.responseHeaders, 'vary');
    };
    assert.deepEqual(varyOf('text/html'), ['accept-encoding']);
    assert.deepEqual(varyOf('multipart/byteranges; boundary=x'), ['accept-encoding']);
    assert.deepEqual(varyOf('image/png'), []);
  });

  it('does not say so twice', () => {
    for (const vary of ['Accept-Encoding', 'cookie, ACCEPT-ENCODING', '*']) {
      const passage = new Passage({ accept: 'gzip', headers: [...html, 'vary', vary] });
      passage.sink.write(page(2000));
      passage.sink.end();
      assert.deepEqual(valuesOf(passage.client.headers ?? [], 'vary'), [vary]);
      assert.equal(passage.client.field('content-encoding'), 'gzip');
    }
  });

  it('changes no list of fields in place: it may belong to a stored answer', async () => {
    const headers = [...html, 'etag', '"1"', 'accept-ranges', 'bytes', 'x-a', '1'];
    const before = [...headers];
    const passage = new Passage({ accept: 'gzip', headers, byteLength: 2000 });
    await passage.feed(page(2000), 2000);
    passage.sink.end();
    assert.deepEqual(headers, before);
    assert.deepEqual(passage.client.headers, [
      ...[...html, 'etag', 'W/"1"', 'x-a', '1', 'vary', 'accept-encoding'],
      ...['content-encoding', 'gzip'],
    ]);
  });

  it('answers HEAD as it would answer GET, without a length that it does not know', () => {
    const headers = [...html, 'etag', '"1"', 'accept-ranges', 'bytes'];
    const passage = new Passage({ method: 'HEAD', accept: 'br', headers, byteLength: 5000 });
    assert.ok(passage.isUntouched);
    assert.equal(passage.exchange.responseByteLength, -1);
    assert.deepEqual(passage.exchange.responseHeaders, [
      ...[...html, 'etag', 'W/"1"', 'content-encoding', 'br', 'vary', 'accept-encoding'],
    ]);
  });

  it('encodes whatever it is when the client refuses it plain', async () => {
    const headers = ['content-type', 'image/bmp'];
    const passage = new Passage({ accept: 'gzip, identity;q=0', headers, byteLength: 500 });
    await passage.feed(page(500), 500);
    passage.sink.end();
    await passage.client.over();
    assert.equal(passage.client.field('content-encoding'), 'gzip');
    assert.ok(passage.client.plain.equals(page(500)));
  });

  it('lets a client that holds a compressed answer know it again by a 304', () => {
    const tags = (ifNoneMatch: string, etag: string) => {
      const requestHeaders = ['if-none-match', ifNoneMatch];
      const passage = new Passage({ status: 304, headers: ['etag', etag], requestHeaders });
      assert.deepEqual(valuesOf(passage.exchange.responseHeaders, 'vary'), ['accept-encoding']);
      return valuesOf(passage.exchange.responseHeaders, 'etag')[0];
    };
    assert.equal(tags('W/"1"', '"1"'), 'W/"1"');
    assert.equal(tags('"0", W/"1"', '"1"'), 'W/"1"');
    assert.equal(tags('"1"', '"1"'), '"1"');
    assert.equal(tags('W/"2"', '"1"'), '"1"');
    assert.equal(tags('W/"1"', 'W/"1"'), 'W/"1"');
  });

  // Section 8.6 of RFC 9110: it would have to be that of the 200.
  it('says no length in a 304', () => {
    const passage = new Passage({ accept: 'gzip', status: 304, byteLength: 5000 });
    assert.equal(passage.exchange.responseByteLength, -1);
  });
});

function valuesOf(headers: RawHeaders, name: string): string[] {
  return headers.filter((_, at) => at % 2 === 1 && headers[at - 1] === name);
}
