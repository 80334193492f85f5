// Where a response over HTTP/2 ends is what its last frame says, however its stream and connection go.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { until } from '../../../../support/deadline.ts';
import { DATA, frame, type RawHttp2 } from '../../../../support/raw-http2.ts';
import { completed, FedBody, makePeer, RecordingAttempt } from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';
import { goAway, lastData, reset, responseHead, startScript, trailers } from './http2-script.ts';
import { startUpstream } from './support.ts';

const NO_ERROR = 0;
const CANCEL = 8;
const ENHANCE_YOUR_CALM = 11;
const WHOLE = ['head', 'start', 'end', 'done'];
const BROKEN = ['head', 'start', 'failed body_broken', 'done body_broken'];
const PIECE = Buffer.alloc(16_000, 'x');

describe('the end of a response over HTTP/2', () => {
  it('has come with a reset by NO_ERROR, unless its length says otherwise', async (t) => {
    const half = (stream: number) => frame(DATA, 0, stream, 'half');
    const cases: [string, (stream: number) => Buffer[], readonly string[]][] = [
      ['no length', (stream) => [responseHead(stream), half(stream)], WHOLE],
      ['all of it', (stream) => [responseHead(stream, 200, 4), half(stream)], WHOLE],
      ['half of it', (stream) => [responseHead(stream, 200, 8), half(stream)], BROKEN],
      ['none of it', (stream) => [responseHead(stream, 200, 8)], BROKEN],
    ];
    let count = 0;
    const script = await startScript(t, (connection, stream) => {
      connection.send(...cases[count++]![1](stream), reset(stream, NO_ERROR));
    });
    const upstream = startUpstream(t, { h2c: true });
    const peer = makePeer(script.port);
    for (const [name, , calls] of cases) {
      const attempt = await completed((a) => upstream.send(makeExchange(), peer, a));
      assert.deepEqual(attempt.calls, calls, name);
    }
    assert.equal(script.connections.length, 1);
  });

  it('has come when the connection goes while the client is slow', async (t) => {
    const body = (stream: number) => [
      responseHead(stream),
      ...[PIECE, PIECE, PIECE].map((piece) => frame(DATA, 0, stream, piece)),
    ];
    const ends: ((connection: RawHttp2, stream: number) => Buffer[])[] = [
      (_, stream) => [lastData(stream, '')],
      (_, stream) => [trailers(stream)],
      (_, stream) => [lastData(stream, ''), goAway(stream, NO_ERROR)],
      (_, stream) => [lastData(stream, ''), goAway(stream, ENHANCE_YOUR_CALM)],
    ];
    let count = 0;
    const script = await startScript(t, (connection, stream) => {
      connection.send(...body(stream), ...ends[count++]!(connection, stream));
      connection.socket.end();
    });
    const upstream = startUpstream(t, { h2c: true });
    const peer = makePeer(script.port);
    for (const _ of ends) {
      const attempt = new RecordingAttempt();
      attempt.isFull = true;
      upstream.send(makeExchange(), peer, attempt);
      await attempt.over();
      assert.deepEqual(attempt.calls, WHOLE);
      assert.equal(attempt.byteCount, 3 * PIECE.length);
      await until(() => upstream.connections === 0, { what: 'the connection is gone' });
    }
  });

  it('ends a request that is not sent yet, which blocks no other', async (t) => {
    // SETTINGS_MAX_CONCURRENT_STREAMS: 1
    const oneAtATime = Buffer.from([0, 3, 0, 0, 0, 1]);
    const script = await startScript(
      t,
      (connection, stream) =>
        void connection.send(responseHead(stream, 413), lastData(stream, 'too large')),
      oneAtATime,
    );
    const upstream = startUpstream(t, { h2c: true });
    const peer = makePeer(script.port);
    for (let round = 0; round < 3; round++) {
      const body = new FedBody(100_000);
      body.feed('the beginning');
      const exchange = makeExchange({ method: 'POST', body });
      const attempt = await completed((a) => upstream.send(exchange, peer, a));
      assert.deepEqual(attempt.calls, WHOLE);
      assert.equal(exchange.status, 413);
      assert.equal(body.feed('more'), false);
    }
    const [connection] = script.connections;
    await until(() => connection!.resets.size === 3, { what: 'all are reset' });
    assert.deepEqual([...connection!.resets.values()], [CANCEL, CANCEL, CANCEL]);
  });
});
