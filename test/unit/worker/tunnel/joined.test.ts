// What passes between the two ends of an open tunnel.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WebSocket } from 'ws';
import { ProxyError } from '../../../../src/core/errors.ts';
import { until } from '../../../support/deadline.ts';
import { join } from './client-end.ts';
import { startPeer } from './peer-server.ts';

const MIB = 2 ** 20;

describe('an open tunnel', () => {
  it('passes text and binary messages both ways, in order and unchanged', async (t) => {
    const peer = await startPeer(t, {}, (socket) => {
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    const joining = join(t, peer.port);
    await joining.open();
    const { client } = joining;
    client.say('grüße');
    client.say('');
    client.say(Uint8Array.of(0x61, 0x62), true);
    for (let at = 0; at < 50; at++) client.say(`m${at}`);
    const expected = ['text:grüße', 'text:', 'binary:ab'];
    for (let at = 0; at < 50; at++) expected.push(`text:m${at}`);
    await until(() => client.messages.length === expected.length, { what: 'all echoes' });
    assert.deepEqual(client.messages, expected);
    assert.deepEqual(peer.heard, expected);
  });

  it('reassembles fragments, with a ping between them', async (t) => {
    const peer = await startPeer(t);
    const { client, open } = join(t, peer.port);
    await open();
    const socket = await peer.socket();
    socket.send('one ', { fin: false });
    socket.ping('now');
    socket.send('two ', { fin: false });
    socket.send('three', { fin: true });
    await until(() => client.messages.length === 1, { what: 'the message' });
    assert.deepEqual(client.messages, ['text:one two three']);
    assert.deepEqual(client.calls, ['ping now']);
  });

  it('answers a ping of the peer and passes it on, and passes on those of the client', async (t) => {
    const peer = await startPeer(t);
    const { client, open } = join(t, peer.port);
    await open();
    const socket = await peer.socket();
    const pongs: string[] = [];
    socket.on('pong', (payload: Buffer) => pongs.push(payload.toString()));
    socket.ping('a');
    client.events!.onPing(Buffer.from('b'));
    await until(() => pongs.length === 1 && peer.heard.length === 1, { what: 'pong and ping' });
    assert.deepEqual(pongs, ['a']);
    assert.deepEqual(peer.heard, ['ping b']);
    assert.deepEqual(client.calls, ['ping a']);
  });

  it('carries 16 MiB in one message both ways, and no more from the peer', async (t) => {
    const peer = await startPeer(t);
    const { client, open, attempt } = join(t, peer.port);
    await open();
    const socket = await peer.socket();
    client.say(Buffer.alloc(16 * MIB, 'x'), true);
    socket.send(Buffer.alloc(16 * MIB, 'y'));
    await until(() => client.messages.length + peer.heard.length === 2, { what: 'both' });
    assert.deepEqual(client.messages, [`binary:${16 * MIB} bytes`]);
    assert.deepEqual(peer.heard, [`binary:${16 * MIB} bytes`]);
    socket.send(Buffer.alloc(16 * MIB + 1));
    await attempt.over();
    assert.deepEqual(client.calls, ['close 1011 ']);
    assert.equal(attempt.calls.at(-1), 'done bad_response');
    await until(() => peer.heard.includes('close 1009 '), { what: 'the peer is told why' });
  });

  it('passes on every code and reason with which the client closes', async (t) => {
    for (const [code, reason, heard] of [
      [1000, 'bye', 'close 1000 bye'],
      [1005, '', 'close 1005 '],
      [4321, 'ü'.repeat(80), `close 4321 ${'ü'.repeat(61)}`],
      [1001, '', 'close 1001 '],
      [2999, 'not a code', 'close 1002 '],
      [1006, '', 'close 1006 '],
    ] as const) {
      const peer = await startPeer(t);
      const { client, open, attempt, registry } = join(t, peer.port);
      await open();
      await peer.socket();
      client.say('last words');
      client.events!.onClose(code, reason);
      await attempt.over();
      await until(() => peer.heard.some((line) => line.startsWith('close')), { what: 'close' });
      assert.equal(peer.heard.at(-1), heard);
      if (code !== 1006) assert.equal(peer.heard[0], 'text:last words');
      assert.equal(attempt.calls.at(-1), code === 1006 ? 'done client_closed' : 'done');
      assert.deepEqual(client.calls, []);
      assert.equal(registry.size, 0);
    }
  });

  it('passes on every code and reason with which the peer closes', async (t) => {
    const cases: [close: (socket: WebSocket) => void, call: string, done: string][] = [
      [(socket) => socket.close(1000, 'done'), 'close 1000 done', 'done'],
      [(socket) => socket.close(), 'close 1005 ', 'done'],
      [(socket) => socket.close(4000, 'ü'), 'close 4000 ü', 'done'],
      [(socket) => socket.terminate(), 'terminate', 'done body_broken'],
    ];
    for (const [close, call, done] of cases) {
      const peer = await startPeer(t);
      const { client, open, attempt, registry } = join(t, peer.port);
      await open();
      const socket = await peer.socket();
      socket.send('last words');
      await until(() => client.messages.length === 1, { what: 'the message' });
      close(socket);
      await attempt.over();
      assert.deepEqual(client.calls, [call]);
      assert.equal(attempt.calls.at(-1), done);
      assert.equal(registry.size, 0);
      client.events!.onClose(1000, '');
      assert.equal(attempt.calls.filter((one) => one.startsWith('done')).length, 1);
    }
  });

  it('holds nothing while the client is not open yet: the peer waits', async (t) => {
    let sent = 0;
    const peer = await startPeer(t, {}, async (socket) => {
      const chunk = Buffer.alloc(2 ** 16);
      for (; sent < 400; sent++) await new Promise((resolve) => socket.send(chunk, resolve));
    });
    const { client, attempt, open } = join(t, peer.port, { isLate: true });
    await open();
    let before = -1;
    await until(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const isStill = before === sent;
        before = sent;
        return isStill;
      },
      { what: 'the peer is stopped' },
    );
    assert.ok(sent < 400, `${sent} sent`);
    assert.deepEqual(client.messages, []);
    client.events!.onOpen(client);
    await until(() => client.messages.length === 400, { what: 'all messages' });
    assert.deepEqual(attempt.calls, ['upgraded']);
  });

  it('tells a client that opens late how the peer closed meanwhile', async (t) => {
    const peer = await startPeer(t, {}, (socket) => socket.terminate());
    const { client, attempt } = join(t, peer.port, { isLate: true });
    await attempt.over();
    client.events!.onOpen(client);
    assert.deepEqual(client.calls, ['terminate']);
    assert.equal(attempt.calls.at(-1), 'done body_broken');
  });

  it('stops the peer while the client is full, and goes on when it drains', async (t) => {
    let sent = 0;
    const peer = await startPeer(t);
    const { client, open } = join(t, peer.port);
    await open();
    client.isFull = true;
    const socket = await peer.socket();
    const chunk = Buffer.alloc(2 ** 16);
    const sending = (async () => {
      for (; sent < 400; sent++) await new Promise((resolve) => socket.send(chunk, resolve));
    })();
    let before = -1;
    await until(
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const isStill = before === sent;
        before = sent;
        return isStill;
      },
      { what: 'the peer is stopped' },
    );
    assert.ok(sent < 400, `${sent} sent`);
    assert.ok(client.messages.length < 8, `${client.messages.length} messages taken while full`);
    client.isFull = false;
    client.events!.onDrain();
    await sending;
    await until(() => client.messages.length === 400, { what: 'all messages' });
  });

  it('pauses the client while the peer does not read, within a bound', async (t) => {
    const peer = await startPeer(t);
    const { client, open } = join(t, peer.port);
    await open();
    const socket = await peer.socket();
    socket.pause();
    const chunk = Buffer.alloc(2 ** 16);
    let said = 0;
    for (; !client.isPaused && said < 400; said++) {
      client.say(chunk, true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // The kernel takes some megabytes on both sides, then ours is one.
    assert.ok(said < 400, `${said} said`);
    socket.resume();
    await until(() => !client.isPaused, { what: 'the client goes on' });
    await until(() => peer.heard.length === said, { what: 'all messages at the peer' });
  });

  it('closes both ends when neither has said anything for the idle limit', async (t) => {
    const peer = await startPeer(t);
    // Only the sweeps are held; the clock goes on, and jumps.
    t.mock.timers.enable({ apis: ['setInterval'] });
    const realNow = performance.now.bind(performance);
    let aheadMs = 0;
    t.mock.method(performance, 'now', () => realNow() + aheadMs);
    const pass = (ms: number) => {
      aheadMs += ms;
      t.mock.timers.tick(1000);
    };
    const limits = { idleMs: 600_000, sweepMs: 1000 };
    const { client, open, attempt, registry } = join(t, peer.port, limits);
    await open();
    for (let turn = 0; turn < 3; turn++) {
      pass(400_000);
      client.say('here');
    }
    pass(400_000);
    assert.deepEqual(client.calls, []);
    pass(300_000);
    await attempt.over();
    assert.deepEqual(client.calls, ['close 1001 idle']);
    assert.equal(peer.heard.at(-1), 'close 1001 idle');
    assert.equal(registry.size, 0);
  });

  it('says goodbye to both ends when the worker ends, and takes no more', async (t) => {
    const peer = await startPeer(t);
    const { client, open, attempt, registry } = join(t, peer.port);
    await open();
    await peer.socket();
    registry.closeAll(1001);
    registry.closeAll(1001);
    await attempt.over();
    assert.deepEqual(client.calls, ['close 1001 ']);
    assert.deepEqual(peer.heard, ['close 1001 ']);
    assert.deepEqual(attempt.calls, ['upgraded', 'done']);
    assert.ok(registry.isClosing);
  });

  it('cuts both ends when the exchange is cancelled', async (t) => {
    const peer = await startPeer(t);
    const { client, open, attempt } = join(t, peer.port);
    await open();
    await peer.socket();
    attempt.source!.cancel(new ProxyError('client_closed'));
    assert.deepEqual(attempt.calls, ['upgraded', 'done client_closed']);
    await until(() => peer.heard.length === 1, { what: 'the peer notices' });
    assert.deepEqual(peer.heard, ['close 1006 ']);
    assert.deepEqual(client.calls, ['terminate']);
  });
});
