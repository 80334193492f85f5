// Where segments may end inside an honest request. Nothing of this is ours: it holds down what the engine
// does, so that a better one shows.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectClient, request } from '../../support/client.ts';
import { answer, openScripted } from '../../unit/worker/listener/support/scripted-handler.ts';

const REQUEST = 'GET /abc?d HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n';

describe('a request in two segments', () => {
  it('is served, except when the first ends at a space or in the version of the request line', async (t) => {
    const { port } = await openScripted(t, (exchange) =>
      answer(exchange, { body: exchange.target }),
    );
    const refused: number[] = [];
    await Promise.all(
      Array.from({ length: REQUEST.length - 1 }, async (_, before) => {
        const at = before + 1;
        const client = await connectClient(port, { context: t });
        await client.send(REQUEST.slice(0, at));
        // What another connection is answered to comes later than the segment was read.
        await request(port);
        await client.send(REQUEST.slice(at));
        const bytes = await client.readUntil(
          (received) => received.includes('\r\n\r\n'),
          `an answer when cut at ${at}`,
        );
        const status = bytes.toString('latin1', 9, 12);
        if (status === '505') refused.push(at);
        else assert.equal(status, '200');
      }),
    );
    const line = REQUEST.indexOf('\r\n') + 2;
    const version = REQUEST.indexOf(' HTTP');
    const expected = [REQUEST.indexOf(' ') + 1];
    for (let at = version + 1; at < line; at++) expected.push(at);
    assert.deepEqual(
      refused.sort((a, b) => a - b),
      expected,
    );
  });

  it('is read as far as it goes when its values end above 127', async (t) => {
    // The engine takes bytes above 127 for white space at both ends of a value. Nobody can tell.
    const { port, handler } = await openScripted(t, (exchange) => answer(exchange));
    const client = await connectClient(port, { context: t });
    const e = Buffer.from('é').toString('latin1');
    await client.send(
      `GET / HTTP/1.1\r\nHost: a\r\nX: caf${e}\r\nY: ${e}cole\r\nZ: d${e}j${e}-\r\n\r\n`,
    );
    await client.response();
    const values = handler.served[0]!.requestHeaders.filter((_, at) => at % 2 === 1);
    assert.deepEqual(values, ['a', 'caf', 'cole', `d${e}j${e}-`]);
  });
});
