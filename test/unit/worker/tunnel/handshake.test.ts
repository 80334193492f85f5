// Asking a peer to switch: what it gets to see, and every way in which it may go otherwise.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { ProxyError } from '../../../../src/core/errors.ts';
import { createSignal, until } from '../../../support/deadline.ts';
import { freePort } from '../../../support/free-port.ts';
import { onEachRequest, startOrigin } from '../../../support/origin.ts';
import { headerLines } from '../support/attempts.ts';
import { join, tunnelOptions } from './client-end.ts';
import { startPeer } from './peer-server.ts';

/** A peer that switches properly and adds `fields` (lines with CRLF). */
function switching(fields: string, after = '') {
  return onEachRequest(async (connection, request) => {
    const at = request.fields.findIndex(([name]) => name.toLowerCase() === 'sec-websocket-key');
    const key = request.fields[at]![1];
    const accept = createHash('sha1')
      .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    await connection.send(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\n${fields}\r\n${after}`,
    );
  });
}

describe('a handshake with a peer', () => {
  it('sends the end-to-end head byte for byte and our own of the hop', async (t) => {
    const origin = await startOrigin(switching(''), { context: t });
    const joining = join(t, origin.port, {
      target: '/a/../b?x=%2F&\xe4#',
      protocols: ['chat', 'v2.chat'],
      headers: [
        ...['origin', 'http://a', 'cookie', 'a=1', 'cookie', 'b=2', 'x-a', 'caf\xe9', 'x-a', '2'],
        ...['sec-websocket-key', 'theirs', 'sec-websocket-extensions', 'permessage-deflate'],
        ...['sec-websocket-version', '13', 'sec-websocket-protocol', 'chat, v2.chat'],
      ],
    });
    await joining.open();
    const received = origin.connections[0]!.received.toString('latin1');
    assert.match(received, /^GET \/a\/\.\.\/b\?x=%2F&\xe4# HTTP\/1\.1\r\n/);
    const fields = origin.requests[0]!.fields.filter(
      ([name]) => name.toLowerCase() !== 'sec-websocket-key',
    ).map(([name, value]) => `${name.toLowerCase()}: ${value}`);
    assert.deepEqual(fields.sort(), [
      'connection: Upgrade',
      'cookie: a=1; b=2',
      'host: example.com',
      'origin: http://a',
      'sec-websocket-protocol: chat, v2.chat',
      'sec-websocket-version: 13',
      'upgrade: websocket',
      'x-a: 2',
      'x-a: caf\xe9',
    ]);
    assert.ok(!received.includes('theirs'));
  });

  it('answers with the end-to-end fields and the chosen subprotocol', async (t) => {
    const origin = await startOrigin(
      switching(
        'Sec-WebSocket-Protocol: v2.chat\r\nSet-Cookie: a\r\nset-cookie: b\r\nDate: now\r\n' +
          'X-A: caf\xe9\r\nConnection: x-hop\r\nX-Hop: 1\r\n',
      ),
      { context: t },
    );
    const { client, open, exchange, attempt } = join(t, origin.port, {
      protocols: ['chat', 'v2.chat'],
    });
    await open();
    assert.equal(client.accepted?.protocol, 'v2.chat');
    assert.deepEqual(headerLines(exchange), ['set-cookie: a', 'set-cookie: b', 'x-a: caf\xe9']);
    assert.equal(client.accepted?.headers, exchange.responseHeaders);
    assert.equal(exchange.status, 101);
    assert.deepEqual(attempt.calls, ['upgraded']);
  });

  it('lets a peer choose no subprotocol although some were offered', async (t) => {
    const origin = await startOrigin(switching(''), { context: t });
    const { client, open } = join(t, origin.port, { protocols: ['chat', 'chat'] });
    await open();
    assert.equal(client.accepted?.protocol, '');
  });

  it('delivers a message that came with the head', async (t) => {
    const origin = await startOrigin(switching('', '\x81\x02hi'), { context: t });
    const { client, open } = join(t, origin.port, { isLate: true });
    await open();
    client.events!.onOpen(client);
    await until(() => client.messages.length === 1, { what: 'the message' });
    assert.deepEqual(client.messages, ['text:hi']);
  });

  it('passes a refusal through, head and body', async (t) => {
    const origin = await startOrigin(
      onEachRequest((connection) =>
        connection.send(
          'HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n' +
            'WWW-Authenticate: Basic\r\nConnection: close\r\n\r\n',
          'no',
          'pe!',
        ),
      ),
      { context: t },
    );
    const { client, attempt, exchange } = join(t, origin.port);
    await attempt.over();
    assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
    assert.equal(exchange.status, 401);
    assert.equal(exchange.responseByteLength, 5);
    assert.deepEqual(headerLines(exchange), ['www-authenticate: Basic']);
    assert.equal(attempt.body.toString(), 'nope!');
    assert.equal(client.accepted, null);
    await (await origin.connection(0)).untilClosed();
  });

  it('slows down a refusal with a large body', async (t) => {
    const total = 2 ** 24;
    let sent = 0;
    const origin = await startOrigin(
      onEachRequest(async (connection) => {
        await connection.send(`HTTP/1.1 500 X\r\nContent-Length: ${total}\r\n\r\n`);
        const chunk = Buffer.alloc(2 ** 16);
        for (; sent < total; sent += chunk.length) await connection.send(chunk);
      }),
      { context: t },
    );
    const { attempt } = join(t, origin.port, {
      timeouts: { ...tunnelOptions.timeouts, bodyIdleMs: 1000 },
    });
    attempt.isFull = true;
    attempt.isKeeping = false;
    await attempt.head();
    // Longer than a body may be idle: one that nobody takes is not.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.ok(sent < total, `${sent} bytes sent`);
    assert.ok(attempt.byteCount <= 2 ** 17, `${attempt.byteCount} bytes taken`);
    attempt.isFull = false;
    attempt.source!.resume();
    await attempt.over();
    assert.equal(attempt.byteCount, total);
    assert.equal(attempt.calls.at(-1), 'done');
  });

  it('breaks a refusal visibly when its body breaks off or stalls', async (t) => {
    for (const [ending, row] of [
      ['close', 'body_broken'],
      ['stall', 'body_timeout'],
    ] as const) {
      const origin = await startOrigin(
        onEachRequest(async (connection) => {
          await connection.send('HTTP/1.1 403 X\r\nContent-Length: 5\r\n\r\nab');
          if (ending === 'close') connection.end();
        }),
        { context: t },
      );
      const { attempt } = join(t, origin.port, {
        timeouts: { ...tunnelOptions.timeouts, bodyIdleMs: 100 },
      });
      await attempt.over();
      assert.deepEqual(attempt.calls, ['head', 'start', `failed ${row}`, `done ${row}`]);
    }
  });

  it('takes no reset for the end of a refusal without length', async (t) => {
    const cut = createSignal();
    const origin = await startOrigin(
      onEachRequest(async (connection) => {
        await connection.send('HTTP/1.1 403 X\r\n\r\n', Buffer.alloc(150_000));
        connection.reset();
        cut.resolve();
      }),
      { context: t },
    );
    const { attempt } = join(t, origin.port);
    attempt.isFull = true;
    await attempt.head();
    await cut.promise;
    attempt.isFull = false;
    attempt.source!.resume();
    await attempt.over();
    assert.equal(attempt.calls.at(-1), 'done body_broken');
  });

  const bad: [name: string, response: string, row: string][] = [
    ['a wrong key', switched('Sec-WebSocket-Accept: x\r\n'), 'upgrade_failed'],
    ['no key', switched(''), 'upgrade_failed'],
    [
      'another protocol',
      'HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n',
      'upgrade_failed',
    ],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      'bad_response',
    ],
    ['no HTTP', 'SSH-2.0\r\n\r\n', 'bad_response'],
    ['a coded body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 'bad_response'],
    [
      'a huge head',
      `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(70_000)}\r\n\r\n`,
      'response_head_too_large',
    ],
    ['nothing', '', 'peer_reset'],
    ['a 101 without Upgrade', 'HTTP/1.1 101 X\r\n\r\n', 'upgrade_failed'],
  ];
  for (const [name, response, row] of bad) {
    it(`reports ${row} for ${name}`, async (t) => {
      const origin = await startOrigin(
        onEachRequest(async (connection) => {
          await connection.send(response);
          connection.end();
        }),
        { context: t },
      );
      const { attempt, client, registry } = join(t, origin.port);
      await attempt.over();
      assert.deepEqual(attempt.calls, [`failure ${row}`]);
      assert.equal(client.accepted, null);
      assert.equal(registry.size, 0);
      await (await origin.connection(0)).untilClosed();
    });
  }

  it('refuses a subprotocol or an extension that nobody asked for', async (t) => {
    for (const field of [
      'Sec-WebSocket-Protocol: other\r\n',
      'Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n',
      'Sec-WebSocket-Extensions: permessage-deflate\r\n',
    ]) {
      const origin = await startOrigin(switching(field), { context: t });
      const { attempt } = join(t, origin.port, { protocols: ['chat'] });
      await attempt.over();
      assert.deepEqual(attempt.calls, ['failure upgrade_failed']);
      await (await origin.connection(0)).untilClosed();
    }
  });

  it('reports connect_failed, dns_failed, connect_timeout and head_timeout', async (t) => {
    const refused = join(t, await freePort());
    await refused.attempt.over();
    assert.deepEqual(refused.attempt.calls, ['failure connect_failed']);
    const unknown = join(t, 80, { hostname: 'nothing.invalid' });
    await unknown.attempt.over();
    assert.deepEqual(unknown.attempt.calls, ['failure dns_failed']);
    const origin = await startOrigin(() => {}, { context: t });
    const silent = join(t, origin.port, { timeouts: { ...tunnelOptions.timeouts, headMs: 100 } });
    await silent.attempt.over();
    assert.deepEqual(silent.attempt.calls, ['failure head_timeout']);
    await (await origin.connection(0)).untilClosed();
    // Silent in the TLS handshake: never connected.
    const timeouts = { ...tunnelOptions.timeouts, connectMs: 100 };
    const secure = join(t, origin.port, { timeouts, scheme: 'https' });
    await secure.attempt.over();
    assert.deepEqual(secure.attempt.calls, ['failure connect_timeout']);
    await (await origin.connection(1)).untilClosed();
  });

  it('fails, not throws, on a target or field that is not valid', async (t) => {
    const peer = await startPeer(t);
    for (const options of [
      { target: '/a b' },
      { target: '/a\r\nb' },
      { headers: ['x', 'a\nb'] },
      { headers: ['a b', 'c'] },
    ]) {
      const { attempt } = join(t, peer.port, options);
      await attempt.over();
      assert.deepEqual(attempt.calls, ['failure bad_request']);
    }
    assert.equal(peer.sockets.length, 0);
  });

  it('is aborted at once when the client leaves', async (t) => {
    const origin = await startOrigin(() => {}, { context: t });
    const { attempt, exchange, registry } = join(t, origin.port);
    await (await origin.connection(0)).head();
    exchange.running!.cancel(new ProxyError('client_closed'));
    await (await origin.connection(0)).untilClosed();
    assert.deepEqual(attempt.calls, []);
    assert.equal(exchange.running, null);
    assert.equal(registry.size, 0);
  });

  it('fails with draining when the worker ends, during it and after', async (t) => {
    const origin = await startOrigin(() => {}, { context: t });
    const { attempt, registry } = join(t, origin.port);
    await origin.connection(0);
    registry.closeAll(1001);
    assert.deepEqual(attempt.calls, ['failure draining']);
    await (await origin.connection(0)).untilClosed();
  });
});

function switched(fields: string): string {
  return `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${fields}\r\n`;
}
