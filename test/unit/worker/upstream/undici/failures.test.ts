// Every way in which a peer fails, and the row of the table that the undici transport reports for it.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { freePort } from '../../../../support/free-port.ts';
import { answering, onEachRequest, startOrigin } from '../../../../support/origin.ts';
import { completed, makePeer } from '../../support/attempts.ts';
import { makeExchange } from '../../support/exchanges.ts';
import { startUpstream, testOptions } from './support.ts';

const head = 'HTTP/1.1 200 OK\r\n';

/** What the peer sends, whether it closes then, and what is reported. */
const cases: [name: string, bytes: string, calls: string[]][] = [
  ['nothing at all', '', ['failure peer_reset']],
  ['half a head', `${head}Content-`, ['failure peer_reset']],
  ['no HTTP', 'SSH-2.0-x\r\n\r\n', ['failure bad_response']],
  [
    'two lengths',
    `${head}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`,
    ['failure bad_response'],
  ],
  [
    'length and chunked',
    `${head}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ['failure bad_response'],
  ],
  [
    'another coding',
    `${head}Transfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`,
    ['failure bad_response'],
  ],
  ['a huge length', `${head}Content-Length: 99999999999999999\r\n\r\nx`, ['failure bad_response']],
  ['status 999', 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n', ['failure bad_response']],
  ['a folded field', `${head}A: b\r\n c\r\n\r\n`, ['failure bad_response']],
  [
    'an unasked upgrade',
    'HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    ['failure bad_response'],
  ],
  [
    'an unasked 100',
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    ['failure bad_response'],
  ],
  [
    'too long a head',
    `${head}A: ${'x'.repeat(70_000)}\r\n\r\n`,
    ['failure response_head_too_large'],
  ],
  ['too many fields', `${head}${'A: b\r\n'.repeat(300)}\r\n`, ['failure bad_response']],
  [
    'a short body',
    `${head}Content-Length: 5\r\n\r\nab`,
    ['head', 'start', 'failed body_broken', 'done body_broken'],
  ],
  [
    'half a chunk',
    `${head}Transfer-Encoding: chunked\r\n\r\n5\r\nab`,
    ['head', 'start', 'failed body_broken', 'done body_broken'],
  ],
  [
    'a bad chunk',
    `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
    ['head', 'start', 'failed body_broken', 'done body_broken'],
  ],
];

describe('failures of the undici transport', () => {
  for (const [name, bytes, calls] of cases) {
    it(`reports ${calls.at(-1)} for ${name}`, async (t) => {
      const origin = await startOrigin(
        onEachRequest(async (connection) => {
          await connection.send(bytes);
          connection.end();
        }),
        { context: t },
      );
      const upstream = startUpstream(t);
      const attempt = await completed((a) =>
        upstream.send(makeExchange(), makePeer(origin.port), a),
      );
      // Whether a broken chunk comes with the head or after it is the kernel's to decide.
      assert.deepEqual(attempt.calls, calls);
    });
  }

  it('ends a body that lasts until the connection closes', async (t) => {
    const origin = await startOrigin(
      onEachRequest(async (connection) => {
        await connection.send('HTTP/1.0 200 OK\r\n\r\nto the end');
        connection.end();
      }),
      { context: t },
    );
    const upstream = startUpstream(t);
    const attempt = await completed((a) => upstream.send(makeExchange(), makePeer(origin.port), a));
    assert.equal(attempt.body.toString(), 'to the end');
    assert.equal(attempt.calls.at(-1), 'done');
  });

  it('takes 204 and 304 with a length as complete', async (t) => {
    for (const status of [204, 304]) {
      const origin = await startOrigin(
        answering(`HTTP/1.1 ${status} X\r\nContent-Length: 5\r\nEtag: "a"\r\n\r\n`),
        { context: t },
      );
      const upstream = startUpstream(t);
      const exchange = makeExchange();
      const attempt = await completed((a) => upstream.send(exchange, makePeer(origin.port), a));
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
      assert.equal(exchange.status, status);
      assert.equal(exchange.responseByteLength, status === 304 ? 5 : 0);
    }
  });

  it('reports connect_failed, dns_failed and connect_timeout', async (t) => {
    const patient = startUpstream(t);
    const refused = makePeer(await freePort());
    const unknown = makePeer(80, 'http', 'nothing.invalid');
    for (const [peer, call] of [
      [refused, 'failure connect_failed'],
      [unknown, 'failure dns_failed'],
    ] as const) {
      const attempt = await completed((a) => patient.send(makeExchange(), peer, a));
      assert.deepEqual(attempt.calls, [call]);
    }
    // A peer that says nothing in the TLS handshake is one that can't be connected to.
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    t.after(() => silent.close());
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const upstream = startUpstream(t, { timeouts: { ...testOptions.timeouts, connectMs: 150 } });
    const attempt = await completed((a) =>
      upstream.send(makeExchange(), makePeer(port, 'https'), a),
    );
    assert.deepEqual(attempt.calls, ['failure connect_timeout']);
    assert.equal(upstream.connections, 0);
  });

  it('reports head_timeout and body_timeout', async (t) => {
    const origin = await startOrigin(
      onEachRequest(async (connection, { target }) => {
        if (target === '/body') await connection.send(`${head}Content-Length: 5\r\n\r\nab`);
      }),
      { context: t },
    );
    // Each with the one limit that it is about: no machine is too slow for the others.
    const [forHeads, forBodies] = [{ headMs: 100 }, { bodyIdleMs: 100 }].map((limit) =>
      startUpstream(t, { timeouts: { ...testOptions.timeouts, ...limit } }),
    );
    const peer = makePeer(origin.port);
    const early = await completed((a) => forHeads!.send(makeExchange(), peer, a));
    assert.deepEqual(early.calls, ['failure head_timeout']);
    const late = await completed((a) =>
      forBodies!.send(makeExchange({ target: '/body' }), peer, a),
    );
    assert.deepEqual(late.calls, ['head', 'start', 'failed body_timeout', 'done body_timeout']);
  });
});
