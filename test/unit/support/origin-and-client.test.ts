// The scripted origin and the raw client against each other: what other tests stand on.

import assert from 'node:assert/strict';
import test, { describe, it } from 'node:test';
import { connectClient, request, requestBytes } from '../../support/client.ts';
import { until } from '../../support/deadline.ts';
import { freePort } from '../../support/free-port.ts';
import { MalformedMessage } from '../../support/http-message.ts';
import { answering, onEachRequest, sizedResponse, startOrigin } from '../../support/origin.ts';

describe('scripted origin', () => {
  it('records exact bytes and answers with exact bytes', async (context) => {
    const origin = await startOrigin(answering(sizedResponse('hi', ['X-Odd:  a\xe9'])), {
      context,
    });
    const client = await connectClient(origin.port, { context });
    const sent = requestBytes({ method: 'POST', target: '/a?b', body: 'caf\xe9' });
    await client.sendSlowly(sent);
    const first = await client.response({ method: 'POST' });
    assert.equal(first.status, 200);
    assert.equal(first.header('x-odd'), 'a\xe9');
    assert.equal(first.text(), 'hi');
    assert.equal((await client.request({ target: '/again' })).status, 200);
    assert.equal(origin.connections.length, 1);
    assert.deepEqual(
      origin.requests.map(({ method, target }) => [method, target]),
      [
        ['POST', '/a?b'],
        ['GET', '/again'],
      ],
    );
    const received = origin.connections[0]?.received;
    assert.ok(received?.subarray(0, sent.length).equals(sent));
  });

  it('reads chunked requests and chunked responses', async (context) => {
    const chunked =
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n';
    const origin = await startOrigin(
      onEachRequest((connection) => connection.sendSlowly(chunked)),
      { context },
    );
    const client = await connectClient(origin.port, { context });
    await client.send(
      'PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n',
    );
    const response = await client.response({ method: 'PUT' });
    assert.equal(response.text(), 'abcd');
    assert.deepEqual(response.chunkSizes, [3, 1]);
    assert.equal(origin.requests[0]?.body.toString(), 'xy');
  });

  it('resets, and the client says so', async (context) => {
    const origin = await startOrigin(
      onEachRequest(async (connection) => {
        await connection.send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
        connection.reset();
      }),
      { context },
    );
    await assert.rejects(request(origin.port), /before a complete response/);
  });

  it('keeps what a script throws', async (context) => {
    const origin = await startOrigin(
      onEachRequest(() => {
        throw new Error('script is wrong');
      }),
      { context },
    );
    await assert.rejects(request(origin.port), MalformedMessage);
    assert.match(String(origin.errors[0]), /script is wrong/);
  });
});

describe('raw client', () => {
  for (const [name, bytes] of [
    ['a status line with one blank too few', 'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n'],
    [
      'length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n'],
  ] as const) {
    it(`refuses ${name}`, async (context) => {
      const origin = await startOrigin(answering(bytes), { context });
      await assert.rejects(request(origin.port), MalformedMessage);
    });
  }
});

test('free ports are never handed out twice', async () => {
  const ports = await Promise.all(Array.from({ length: 20 }, freePort));
  assert.equal(new Set(ports).size, 20);
});

test('until gives up at its deadline and says what for', async () => {
  await assert.rejects(
    until(() => false, { what: 'pigs fly', deadlineMs: 30 }),
    /not within 30 ms: pigs fly/,
  );
});
