// Tunnels to https peers: certificates are verified, SNI is sent.

import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { after, describe, it } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { createAuthority } from '../../../support/certificates.ts';
import type { Cleanup } from '../../../support/deadline.ts';
import { until } from '../../../support/deadline.ts';
import { freePort } from '../../../support/free-port.ts';
import { join, tunnelOptions } from './client-end.ts';

const authority = createAuthority({ after });
const trusting = { ...tunnelOptions.tls, ca: authority.ca };

async function startSecurePeer(context: Cleanup, name: string): Promise<number> {
  const server = createServer(authority.issue(name));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket: WebSocket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

describe('a tunnel over TLS', () => {
  it('joins with a peer whose certificate is valid for its address or name', async (t) => {
    for (const [name, serverName] of [
      ['127.0.0.1', null],
      ['app.internal', 'app.internal'],
    ] as const) {
      const port = await startSecurePeer(t, name);
      const { client, open } = join(t, port, {
        scheme: 'https',
        tls: { ...trusting, serverName },
      });
      await open();
      client.say('hi');
      await until(() => client.messages.length === 1, { what: 'the echo' });
      assert.deepEqual(client.messages, ['text:hi']);
    }
  });

  it('reports tls_failed for an unknown authority, and for another name', async (t) => {
    const port = await startSecurePeer(t, 'app.internal');
    for (const tls of [tunnelOptions.tls, trusting]) {
      const { attempt } = join(t, port, { scheme: 'https', tls });
      await attempt.over();
      assert.deepEqual(attempt.calls, ['failure tls_failed']);
    }
  });

  it('says who the client is before the handshake, and verifies the peer all the same', async (t) => {
    const lines: string[] = [];
    const behind = await startSecurePeer(t, '127.0.0.1');
    const front = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (bytes) => {
        const end = bytes.indexOf('\r\n') + 2;
        lines.push(bytes.toString('latin1', 0, end - 2));
        const peer = connect(behind, '127.0.0.1');
        peer.on('error', () => {});
        peer.write(bytes.subarray(end));
        socket.pipe(peer).pipe(socket);
      });
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    t.after(() => front.close());
    const { port } = front.address() as AddressInfo;
    const options = { scheme: 'https', sendProxy: 'v1' } as const;
    const { client, open } = join(t, port, { ...options, tls: trusting });
    await open();
    client.say('hi');
    await until(() => client.messages.length === 1, { what: 'the echo' });
    const { attempt } = join(t, port, { ...options, tls: tunnelOptions.tls });
    await attempt.over();
    assert.deepEqual(attempt.calls, ['failure tls_failed']);
    assert.match(lines[0]!, /^PROXY TCP4 192\.0\.2\.7 127\.0\.0\.1 0 80$/);
  });

  it('fails like any other when nobody listens, with an introduction or without', async (t) => {
    for (const scheme of ['http', 'https'] as const) {
      const { attempt } = join(t, await freePort(), { scheme, sendProxy: 'v2' });
      await attempt.over();
      assert.deepEqual(attempt.calls, ['failure connect_failed'], scheme);
    }
  });

  it('believes any certificate when told not to verify', async (t) => {
    const port = await startSecurePeer(t, 'app.internal');
    const tls = { ...tunnelOptions.tls, verify: false };
    const { open } = join(t, port, { scheme: 'https', tls });
    await open();
  });
});
