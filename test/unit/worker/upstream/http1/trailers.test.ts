// Fields after a body, from the peer and to it: those that may go on do, the others are left out.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CHUNKED_DONE,
  ChunkedBody,
} from '../../../../../src/worker/upstream/http1/chunked-body.ts';
import { joinedBody, lastChunk } from '../../../../../src/worker/upstream/http1/request-body.ts';

describe("a peer's trailers", () => {
  const wire = Buffer.from(
    '3\r\nabc\r\n0\r\nGrpc-Status: 0\r\nContent-Length: 9\r\nX-Empty:\r\nx-latin: \xe9\r\n\r\n',
    'latin1',
  );

  it('are read however the bytes are cut, without those that come too late', () => {
    for (const size of [1, 7, wire.length]) {
      const body = new ChunkedBody();
      let result = -1;
      for (let at = 0; at < wire.length; at += size) {
        const piece = Buffer.from(wire.subarray(at, at + size));
        result = body.decode(piece, 0, piece.length);
      }
      assert.equal(result, CHUNKED_DONE);
      assert.deepEqual(body.trailers(), ['grpc-status', '0', 'x-empty', '', 'x-latin', '\xe9']);
    }
  });

  it('are forgotten with the body they belong to', () => {
    const body = new ChunkedBody();
    body.decode(Buffer.from(wire), 0, wire.length);
    body.reset();
    const bare = Buffer.from('0\r\n\r\n');
    assert.equal(body.decode(bare, 0, bare.length), CHUNKED_DONE);
    assert.equal(body.trailers(), null);
  });
});

describe("a client's trailers", () => {
  it('end the body, and can not split it', () => {
    assert.equal(lastChunk(null), '0\r\n\r\n');
    const trailers = ['x-sum', '7', 'host', 'b', 'x-bad', 'a\r\nX: y', 'bad name', 'z'];
    assert.equal(lastChunk(trailers), '0\r\nx-sum: 7\r\n\r\n');
    const body = { byteLength: -1, trailers: ['x-sum', '7'] };
    assert.equal(joinedBody(Buffer.from('ab'), body), '2\r\nab\r\n0\r\nx-sum: 7\r\n\r\n');
  });
});
