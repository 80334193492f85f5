// Which media types are compressed, and which never are.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isStreamType, MediaList } from '../../../../src/worker/compress/media-list.ts';

describe('the list of media types', () => {
  const list = new MediaList(['text/*', '*+json', 'application/json']);

  it('knows types, kinds and suffixes, whatever their case and parameters', () => {
    const listed = [
      'text/html',
      'TEXT/HTML; charset=utf-8',
      'application/json ;q=1',
      'application/problem+json',
    ];
    for (const type of listed) assert.equal(list.has(type), true, type);
    const others = ['', 'image/png', 'application/jsonx', 'texty/html', 'application/json+x'];
    for (const type of others) assert.equal(list.has(type), false, type);
  });

  it('holds neither event streams nor gRPC, though they match', () => {
    const all = new MediaList(['text/*', 'application/*', '*+json']);
    const types = [
      'text/event-stream',
      'Text/Event-Stream; charset=utf-8',
      'application/grpc',
      'application/grpc+json',
      'application/grpc-web+proto',
    ];
    for (const type of types) {
      assert.equal(all.has(type), false, type);
      assert.equal(isStreamType(type), true, type);
    }
    assert.equal(all.has('application/grpcish'), true);
  });

  it('gives the same answer however often it is asked, for any number of values', () => {
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < 600; at++) assert.equal(list.has(`text/x-${at}`), true);
    }
  });
});
