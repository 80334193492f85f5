// Connections that begin with a PROXY header: each is for one client, and none is lent to another.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { createAuthority } from '../../../../support/certificates.ts';
import { until } from '../../../../support/deadline.ts';
import { freePort } from '../../../../support/free-port.ts';
import { makePeer } from '../../support/attempts.ts';
import { createPools, createUpstream, fetch, send } from './support.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const host = '127.0.0.1';

interface Introduced {
  /** The line of the PROXY header. */
  readonly line: string;
  readonly targets: string[];
}

/** Takes what comes behind the line with `take`; the rest of the first segment is given back to the socket. */
async function startPeer(context: TestContext, take: (socket: Socket, one: Introduced) => void) {
  const connections: Introduced[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      const end = bytes.indexOf('\r\n') + 2;
      const one = { line: bytes.toString('latin1', 0, end - 2), targets: [] };
      connections.push(one);
      socket.pause();
      if (bytes.length > end) socket.unshift(bytes.subarray(end));
      take(socket, one);
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  context.after(() => server.close());
  return { connections, port: (server.address() as AddressInfo).port };
}

function answerAll(socket: Socket, { targets }: Introduced): void {
  socket.on('data', (bytes) => {
    for (const [, target] of bytes.toString('latin1').matchAll(/GET (\S+) HTTP/g)) {
      targets.push(target!);
      socket.write(OK);
    }
  });
  socket.resume();
}

describe('http1 with a PROXY header', () => {
  it('introduces each client, keeps its connection, and lends it to nobody', async (context) => {
    const { connections, port } = await startPeer(context, answerAll);
    const upstream = createUpstream(createPools(context), { sendProxy: 'v1' });
    const peer = makePeer(port);
    for (const [target, remoteAddress] of [
      ['/a1', '192.0.2.1'],
      ['/b1', '192.0.2.2'],
      ['/a2', '192.0.2.1'],
      ['/b2', '192.0.2.2'],
      ['/c1', '2001:db8::1'],
    ] as const) {
      const { exchange } = await fetch(upstream, peer, { target, remoteAddress });
      assert.equal(exchange.status, 200);
    }
    assert.deepEqual(
      connections.map(({ line, targets }) => [line.split(' ')[2], targets]),
      [
        ['192.0.2.1', ['/a1', '/a2']],
        ['192.0.2.2', ['/b1', '/b2']],
        ['2001:db8::1', ['/c1']],
      ],
    );
    assert.match(connections[0]!.line, /^PROXY TCP4 192\.0\.2\.1 127\.0\.0\.1 0 \d+$/);
  });

  it('closes the connection of one client for another when there is no more room', async (context) => {
    const { connections, port } = await startPeer(context, answerAll);
    const pools = createPools(context);
    const upstream = createUpstream(pools, { sendProxy: 'v1', connectionsMax: 1 });
    const peer = makePeer(port);
    await fetch(upstream, peer, { target: '/a', remoteAddress: '192.0.2.1' });
    await fetch(upstream, peer, { target: '/b', remoteAddress: '192.0.2.2' });
    assert.deepEqual(
      connections.map(({ targets }) => targets),
      [['/a'], ['/b']],
    );
    assert.equal(pools.stats[0]!.connections, 1);
  });

  it('does not hand what waits to a connection of somebody else', async (context) => {
    const held: (() => void)[] = [];
    const { connections, port } = await startPeer(context, (socket, { targets }) => {
      socket.on('data', (bytes) => {
        targets.push(bytes.toString('latin1').split(' ')[1]!);
        held.push(() => socket.write(OK));
      });
      socket.resume();
    });
    const upstream = createUpstream(createPools(context), { sendProxy: 'v1', connectionsMax: 1 });
    const peer = makePeer(port);
    const first = send(upstream, peer, { target: '/a', remoteAddress: '192.0.2.1' });
    const second = send(upstream, peer, { target: '/b', remoteAddress: '192.0.2.2' });
    const third = send(upstream, peer, { target: '/b2', remoteAddress: '192.0.2.2' });
    for (const sent of [first, second, third]) {
      await until(() => held.length > 0, { what: 'the peer has a request' });
      held.shift()!();
      await sent.attempt.over();
    }
    assert.deepEqual(
      connections.map(({ targets }) => targets),
      [['/a'], ['/b', '/b2']],
    );
  });

  it('comes before the TLS handshake, whose certificate is verified all the same', async (context) => {
    const authority = createAuthority(context);
    const tls = createTlsServer({ ...authority.issue(host) }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write(OK));
    });
    const { connections, port } = await startPeer(context, (socket) => {
      tls.emit('connection', socket);
    });
    const peer = makePeer(port, 'https');
    for (const [ca, outcome] of [
      [authority.ca, 200],
      [createAuthority(context).ca, 'tls_failed'],
    ] as const) {
      const upstream = createUpstream(createPools(context), {
        sendProxy: 'v1',
        tls: { verify: true, ca, serverName: null },
      });
      const { exchange, attempt } = await fetch(upstream, peer, { remoteAddress: '192.0.2.9' });
      assert.equal(outcome === 200 ? exchange.status : attempt.error?.code, outcome);
    }
    assert.equal(connections[0]!.line.split(' ')[2], '192.0.2.9');
  });

  it('fails like any other when nobody listens', async (context) => {
    for (const scheme of ['http', 'https'] as const) {
      const peer = makePeer(await freePort(), scheme);
      const upstream = createUpstream(createPools(context), { sendProxy: 'v2' });
      const { attempt } = await fetch(upstream, peer);
      assert.equal(attempt.error?.code, 'connect_failed', scheme);
    }
  });
});
