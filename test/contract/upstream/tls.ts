// What a transport promises about https peers: certificates are verified, SNI is sent.

import assert from 'node:assert/strict';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { type Certificate, createAuthority } from '../../support/certificates.ts';
import { makePeer } from '../../unit/worker/support/attempts.ts';
import { type ContractTest, setStage } from './stage.ts';

interface TlsOrigin {
  readonly port: number;
  /** Server names asked for, and sockets, in order. */
  readonly names: (string | false | null | undefined)[];
}

async function startTlsOrigin(
  context: TestContext,
  certificate: Certificate,
  options: object = {},
): Promise<TlsOrigin> {
  const names: TlsOrigin['names'] = [];
  const server: Server = createServer({ ...certificate, ...options }, (_, response) => {
    response.end('x'.repeat(100_000));
  });
  server.on('secureConnection', (socket: TLSSocket) => names.push(socket.servername));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, names };
}

const SILENT = () => {};

export const tlsTests: Readonly<Record<string, ContractTest>> = {
  'speaks with a peer whose certificate is valid, and sends its name': async (context, factory) => {
    const authority = createAuthority(context);
    const origin = await startTlsOrigin(context, authority.issue('localhost'));
    const tls = { verify: true, ca: authority.ca, serverName: null };
    const stage = await setStage(context, factory, SILENT, { tls });
    const peer = makePeer(origin.port, 'https', 'localhost');
    for (let at = 0; at < 3; at++) {
      const { attempt } = await stage.fetch({}, peer);
      assert.deepEqual(attempt.calls, ['head', 'start', 'end', 'done']);
      assert.equal(attempt.byteCount, 100_000);
      // A transport may look for bytes after the response before it uses the connection again.
      await nextTurn();
    }
    assert.deepEqual(origin.names, ['localhost']);
  },

  'expects the name that the operator gave': async (context, factory) => {
    const authority = createAuthority(context);
    const origin = await startTlsOrigin(context, authority.issue('app.internal'));
    const tls = { verify: true, ca: authority.ca, serverName: 'app.internal' };
    const stage = await setStage(context, factory, SILENT, { tls });
    const { attempt } = await stage.fetch({}, makePeer(origin.port, 'https'));
    assert.equal(attempt.calls.at(-1), 'done');
    assert.deepEqual(origin.names, ['app.internal']);
  },

  'shows its certificate to a peer that asks for one': async (context, factory) => {
    const authority = createAuthority(context);
    const asking = { requestCert: true, rejectUnauthorized: true, ca: authority.ca };
    const origin = await startTlsOrigin(context, authority.issue('localhost'), asking);
    const own = authority.issue('proxy.internal');
    for (const shown of [own, { cert: null, key: null }]) {
      const tls = { verify: true, ca: authority.ca, serverName: null, ...shown };
      const stage = await setStage(context, factory, SILENT, { tls });
      const { attempt } = await stage.fetch({}, makePeer(origin.port, 'https', 'localhost'));
      assert.equal(attempt.calls.at(-1) === 'done', shown === own, attempt.calls.join());
    }
  },

  'speaks with a peer that is known by its address': async (context, factory) => {
    const authority = createAuthority(context);
    const origin = await startTlsOrigin(context, authority.issue('127.0.0.1'));
    const tls = { verify: true, ca: authority.ca, serverName: null };
    const stage = await setStage(context, factory, SILENT, { tls });
    const { attempt } = await stage.fetch({}, makePeer(origin.port, 'https'));
    assert.equal(attempt.calls.at(-1), 'done');
  },

  'reports tls_failed for a certificate that nobody vouches for or that names another': async (
    context,
    factory,
  ) => {
    const authority = createAuthority(context);
    const origin = await startTlsOrigin(context, authority.issue('other.example'));
    for (const ca of [null, authority.ca]) {
      const tls = { verify: true, ca, serverName: null };
      const stage = await setStage(context, factory, SILENT, { tls });
      const { attempt } = await stage.fetch({}, makePeer(origin.port, 'https', 'localhost'));
      assert.deepEqual(attempt.calls, ['failure tls_failed']);
    }
  },

  'reports tls_failed for a peer that does not speak TLS': async (context, factory) => {
    const stage = await setStage(context, factory, (connection) =>
      connection.send('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    const { attempt } = await stage.fetch({}, makePeer(stage.origin.port, 'https'));
    assert.deepEqual(attempt.calls, ['failure tls_failed']);
  },

  'believes any certificate when told not to verify': async (context, factory) => {
    const origin = await startTlsOrigin(context, createAuthority(context).issue('other.example'));
    const tls = { verify: false, ca: null, serverName: null };
    const stage = await setStage(context, factory, SILENT, { tls });
    const { attempt } = await stage.fetch({}, makePeer(origin.port, 'https'));
    assert.equal(attempt.calls.at(-1), 'done');
  },
};
