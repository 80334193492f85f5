// Tunnels to https peers: certificates are verified, SNI is sent.

import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { createAuthority } from '../../../support/certificates.ts';
import type { Cleanup } from '../../../support/deadline.ts';
import { until } from '../../../support/deadline.ts';
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

  it('believes any certificate when told not to verify', async (t) => {
    const port = await startSecurePeer(t, 'app.internal');
    const tls = { ...tunnelOptions.tls, verify: false };
    const { open } = join(t, port, { scheme: 'https', tls });
    await open();
  });
});
