// Early hints (103) to clients: before the answer, in HTTP/1.1 and HTTP/2 of the engine node; the engine uws
// can't send any.

import assert from 'node:assert/strict';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { describe, it } from 'node:test';
import type { Exchange } from '../../../src/core/exchange.ts';
import { connectClient } from '../../support/client.ts';
import { until } from '../../support/deadline.ts';
import {
  answer,
  openScripted,
  useEngine,
} from '../../unit/worker/listener/support/scripted-handler.ts';

useEngine('node');

const PRELOAD = '</a b.css>; rel=preload; as="style", </c.js>; rel=preload';

function hint(exchange: Exchange): void {
  exchange.client.hint!(['link', PRELOAD, 'link', '</d>', 'x-split', 'a\r\nb']);
}

describe('early hints', () => {
  it('come before the answer in HTTP/1.1, whatever form their links have', async (t) => {
    const waiting: Exchange[] = [];
    const { port } = await openScripted(t, (exchange) => {
      hint(exchange);
      waiting.push(exchange);
    });
    const client = await connectClient(port, { context: t });
    await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const expected = `HTTP/1.1 103 Early Hints\r\nlink: ${PRELOAD}\r\nlink: </d>\r\n\r\n`;
    await client.readUntil((bytes) => bytes.toString('latin1') === expected, 'the hints');
    answer(waiting[0]!, { body: 'x' });
    const response = await client.response();
    assert.deepEqual([response.status, response.interim, response.text()], [200, [103], 'x']);
  });

  it('are several, and leave the connection as it was', async (t) => {
    const { port } = await openScripted(t, (exchange) => {
      hint(exchange);
      hint(exchange);
      answer(exchange, { body: 'x' });
      hint(exchange);
    });
    const client = await connectClient(port, { context: t });
    for (let turn = 0; turn < 2; turn++) {
      const response = await client.request();
      assert.deepEqual([response.status, response.interim], [200, [103, 103]]);
    }
  });

  it('are not for HTTP/1.0', async (t) => {
    const { port } = await openScripted(t, (exchange) => {
      hint(exchange);
      answer(exchange, { body: 'x' });
    });
    const client = await connectClient(port, { context: t });
    await client.send('GET / HTTP/1.0\r\n\r\n');
    await client.untilClosed();
    assert.match(client.received.toString(), /^HTTP\/1\.1 200 /);
  });

  it('come before the answer in HTTP/2', async (t) => {
    const waiting: Exchange[] = [];
    const { port } = await openScripted(
      t,
      (exchange) => {
        hint(exchange);
        waiting.push(exchange);
      },
      { http2: true },
    );
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    t.after(() => session.destroy());
    const stream = session.request({ ':path': '/' });
    const hints: IncomingHttpHeaders[] = [];
    let status: number | undefined;
    stream.on('headers', (fields) => hints.push(fields));
    stream.on('response', (fields) => {
      status = fields[':status'];
    });
    stream.resume();
    await until(() => hints.length === 1, { what: 'the hints' });
    assert.deepEqual([hints[0]![':status'], hints[0]!['link']], [103, `${PRELOAD}, </d>`]);
    assert.equal(hints[0]!['x-split'], undefined);
    assert.equal(status, undefined);
    answer(waiting[0]!, { body: 'x' });
    await until(() => status === 200, { what: 'the answer' });
    // After the head nothing is left of it.
    hint(waiting[0]!);
  });

  it("to a client that is gone are nobody's", async (t) => {
    const waiting: Exchange[] = [];
    const { port, handler } = await openScripted(t, (exchange) => waiting.push(exchange), {
      http2: true,
    });
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    session.request({ ':path': '/' }).on('error', () => {});
    await until(() => waiting.length === 1, { what: 'it is served' });
    session.destroy();
    await until(() => handler.finishedExchanges.length === 1, { what: 'it is noticed' });
    hint(waiting[0]!);
  });
});
