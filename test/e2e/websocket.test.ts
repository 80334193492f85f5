// WebSockets through the real proxy: a `ws` client, two workers, a `ws` server.

import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';
import { until } from '../support/deadline.ts';
import { freePort } from '../support/free-port.ts';
import { rawUpgrade } from '../support/raw-upgrade.ts';
import { engineUnderTest, type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { assertFlat, watchMemory } from '../support/worker-memory.ts';

const MIB = 2 ** 20;

const suite = suiteCleanup();
/** The peer's end of a tunnel, and what it heard. */
interface PeerEnd {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  readonly heard: string[];
}

/** The peer: echoes on /echo, else only records; /refuse answers 401. */
let peerPort = 0;
const peerEnds: PeerEnd[] = [];
let sluice: Sluice;

before(async () => {
  const http = createServer((_request, response) => response.end('plain'));
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: 64 * MIB,
    handleProtocols: (offered) => (offered.has('v2') ? 'v2' : false),
  });
  http.on('upgrade', (request, socket, head) => {
    if (request.url === '/refuse') {
      socket.end(
        'HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\nWWW-Authenticate: Basic\r\n' +
          'X-Powered-By: x\r\nConnection: close\r\n\r\ndenied',
      );
      return;
    }
    server.handleUpgrade(request, socket, head, (opened) => accept(opened, request));
  });
  server.on('headers', (headers) => headers.push('Set-Cookie: a=1', 'Set-Cookie: b=2'));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  suite.after(() => {
    for (const { socket } of peerEnds) socket.terminate();
    http.close();
    http.closeAllConnections();
  });
  peerPort = (http.address() as AddressInfo).port;
  sluice = await startSluice(await configuration(), { context: suite });
});

async function configuration(more: object = {}): Promise<Record<string, unknown>> {
  // The first peer is never there: every second exchange needs another attempt.
  const down = `http://127.0.0.1:${await freePort()}`;
  return {
    cores: 2,
    upstreams: {
      app: {
        peers: [`http://127.0.0.1:${peerPort}`],
        retry: { backoffBaseMs: 1 },
        // 500 at once take their time.
        timeouts: { connectMs: '30s' },
      },
      shaky: { peers: [down, `http://127.0.0.1:${peerPort}`], ejection: { failuresInRow: 0 } },
      down: { peers: [down] },
    },
    routes: [
      { to: 'app' },
      { match: { path: '/shaky' }, to: 'shaky' },
      { match: { path: '/down' }, to: 'down' },
    ],
    log: { level: 'info', access: 'off' },
    ...more,
  };
}

function accept(socket: WebSocket, request: IncomingMessage): void {
  const heard: string[] = [];
  peerEnds.push({ socket, request, heard });
  socket.on('error', () => {});
  socket.on('message', (data, isBinary) => {
    heard.push(show(data as Buffer, isBinary));
    if (request.url === '/echo') socket.send(data, { binary: isBinary });
  });
  socket.on('ping', (payload: Buffer) => heard.push(`ping ${payload}`));
  socket.on('close', (code, reason) => heard.push(`close ${code} ${reason}`));
}

function show(data: Buffer, isBinary: boolean): string {
  const shown = data.length < 1000 ? data.toString() : `${data.length} bytes`;
  return `${isBinary ? 'binary' : 'text'}:${shown}`;
}

interface Client {
  readonly socket: WebSocket;
  readonly received: string[];
  /** The peer's end of the same tunnel, and what it heard. */
  readonly other: WebSocket;
  readonly heard: string[];
}

let opened = 0;

async function open(path = '/', protocols: string[] = []): Promise<Client> {
  opened += 1;
  const id = `${opened}`;
  const socket = new WebSocket(`ws://127.0.0.1:${sluice.port}${path}`, protocols, {
    headers: { 'x-id': id },
    perMessageDeflate: false,
    maxPayload: 64 * MIB,
  });
  const received: string[] = [];
  socket.on('message', (data, isBinary) => received.push(show(data as Buffer, isBinary)));
  socket.on('ping', (payload: Buffer) => received.push(`ping ${payload}`));
  socket.on('pong', (payload: Buffer) => received.push(`pong ${payload}`));
  socket.on('close', (code, reason) => received.push(`close ${code} ${reason}`));
  suite.after(() => socket.terminate());
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.on('error', reject);
  });
  const end = peerEnds.find(({ request }) => request.headers['x-id'] === id)!;
  return { socket, received, other: end.socket, heard: end.heard };
}

const both = (client: Client) => `client ${client.received}, peer ${client.heard}`;

describe('WebSocket through the proxy', () => {
  it('passes text, binary and empty messages both ways in order', async () => {
    const client = await open('/echo');
    const expected = ['text:grüße', 'text:', 'binary:', 'binary:ab'];
    client.socket.send('grüße');
    client.socket.send('');
    client.socket.send(Buffer.alloc(0));
    client.socket.send(Buffer.from('ab'));
    for (let at = 0; at < 200; at++) {
      client.socket.send(`m${at}`);
      expected.push(`text:m${at}`);
    }
    await until(() => client.received.length === expected.length, { what: both(client) });
    assert.deepEqual(client.heard, expected);
    assert.deepEqual(client.received, expected);
  });

  it('reassembles fragments both ways, pings between them', async () => {
    const client = await open();
    for (const end of [client.socket, client.other]) {
      end.send('one ', { fin: false });
      end.ping('p');
      end.send('two', { fin: true });
    }
    await until(() => client.heard.length === 2 && client.received.length === 3, {
      what: both(client),
    });
    assert.deepEqual(client.heard.toSorted(), ['ping p', 'text:one two']);
    assert.deepEqual(client.received.toSorted(), ['ping p', 'pong p', 'text:one two']);
  });

  it('passes codes and reasons of closes by the client', async () => {
    for (const [close, expected] of [
      [(socket: WebSocket) => socket.close(), 'close 1005 '],
      [(socket: WebSocket) => socket.close(1000, 'bye'), 'close 1000 bye'],
      [(socket: WebSocket) => socket.close(4999, 'ü'), 'close 4999 ü'],
      [(socket: WebSocket) => socket.terminate(), 'close 1006 '],
    ] as const) {
      const client = await open();
      close(client.socket);
      await until(() => client.heard.length === 1, { what: `${expected} at the peer` });
      assert.deepEqual(client.heard, [expected]);
    }
  });

  it('passes codes and reasons of closes by the peer', async () => {
    for (const [close, expected] of [
      [(socket: WebSocket) => socket.close(), 'close 1005 '],
      [(socket: WebSocket) => socket.close(1012, 'again'), 'close 1012 again'],
      [(socket: WebSocket) => socket.close(3000, 'ü'), 'close 3000 ü'],
      [(socket: WebSocket) => socket.terminate(), 'close 1006 '],
    ] as const) {
      const client = await open();
      close(client.other);
      await until(() => client.received.length === 1, { what: `${expected} at the client` });
      assert.deepEqual(client.received, [expected]);
    }
  });

  it('lets the peer choose the subprotocol, or none', async () => {
    assert.equal((await open('/', ['v1', 'v2'])).socket.protocol, 'v2');
    assert.match(String(peerEnds.at(-1)?.request.headers['sec-websocket-protocol']), /^v1, ?v2$/);
    const reply = await rawUpgrade(suite, sluice.port, '/', 'Sec-WebSocket-Protocol: v1\r\n');
    assert.match(reply, /^HTTP\/1\.1 101 /);
    assert.doesNotMatch(reply, /sec-websocket-protocol/i);
  });

  it("forwards the client's fields and the peer's, and says who the client is", async () => {
    const reply = await rawUpgrade(
      suite,
      sluice.port,
      '/?a=%2F',
      'Cookie: c=1\r\nOrigin: http://o\r\nX-A: caf\xc3\xa9!\r\n',
    );
    assert.match(reply, /set-cookie: a=1\r\n/i);
    assert.match(reply, /set-cookie: b=2\r\n/i);
    const { headers, url } = peerEnds.at(-1)!.request;
    assert.equal(url, '/?a=%2F');
    assert.equal(headers.host, 'example.com');
    assert.equal(headers.cookie, 'c=1');
    assert.equal(headers.origin, 'http://o');
    assert.equal(headers['x-a'], 'caf\xc3\xa9!');
    assert.equal(headers['x-forwarded-for'], '127.0.0.1');
    assert.equal(headers['sec-websocket-extensions'], undefined);
    assert.ok(headers['x-request-id']);
  });

  it('answers with the refusal of the peer', async () => {
    const reply = await rawUpgrade(suite, sluice.port, '/refuse', '');
    assert.match(reply, /^HTTP\/1\.1 401 /);
    assert.match(reply, /www-authenticate: Basic\r\n/i);
    assert.doesNotMatch(reply, /x-powered-by/i);
    assert.match(reply, /\r\n\r\ndenied$/);
  });

  it('tries another peer when the first is not there, and says 502 when all are', async () => {
    for (let at = 0; at < 6; at++) {
      const { socket } = await open('/shaky');
      socket.close();
    }
    assert.match(await rawUpgrade(suite, sluice.port, '/down', ''), /^HTTP\/1\.1 502 /);
  });

  it('carries messages of 16 MiB both ways', async () => {
    const client = await open('/echo');
    client.socket.send(Buffer.alloc(16 * MIB, 'x'));
    await until(() => client.received.length === 1, { what: 'the echo' });
    assert.deepEqual(client.received, [`binary:${16 * MIB} bytes`]);
    client.socket.send(Buffer.alloc(16 * MIB + 1));
    await until(() => client.received.length === 2, { what: 'the close' });
    assert.match(client.received[1]!, /^close 1006|^close 1009/);
  });

  it('carries 500 tunnels at once', async () => {
    const clients = await Promise.all(Array.from({ length: 500 }, () => open('/echo')));
    for (const [at, client] of clients.entries()) client.socket.send(`${at}`);
    await until(() => clients.every(({ received }) => received.length === 1), { what: 'echoes' });
    for (const [at, { received }] of clients.entries()) assert.deepEqual(received, [`text:${at}`]);
    for (const { socket } of clients) socket.close(1000);
    const isClosed = ({ heard }: Client) => heard.at(-1) === 'close 1000 ';
    await until(() => clients.every(isClosed), { what: 'closes at the peer' });
  });
});

describe('back-pressure of WebSockets', () => {
  it('slows a peer down whose client does not read', async (t) => {
    const client = await open();
    const memory = watchMemory(t, sluice);
    client.socket.pause();
    let sent = 0;
    const chunk = Buffer.alloc(MIB / 4, 'x');
    const sending = (async () => {
      for (; sent < 1024; sent++) {
        await new Promise((resolve) => client.other.send(chunk, resolve));
      }
    })();
    await untilStill(() => sent);
    assert.ok(sent < 1024, `${sent} of 1024 chunks went`);
    client.socket.resume();
    await sending;
    await until(() => client.received.length === 1024, {
      what: 'all messages',
      deadlineMs: 60_000,
    });
    assertFlat(memory(), '256 MiB to a slow client');
    client.socket.close();
  });

  it('holds what a client sends to a peer that does not read, and delivers it later', async (t) => {
    const client = await open();
    const memory = watchMemory(t, sluice);
    client.other.pause();
    for (let at = 0; at < 64; at++) client.socket.send(Buffer.alloc(MIB / 8, 'x'));
    await delay(200);
    client.other.resume();
    await until(() => client.heard.length === 64, { what: 'all messages' });
    assertFlat(memory(), '8 MiB to a slow peer');
    client.socket.close();
  });

  // The engine uws can't stop reading a WebSocket: beyond a bound it has to close it.
  const skip = engineUnderTest() === 'node';
  it('closes a client with 1013 that goes on sending to a peer that does not read', {
    skip,
  }, async (t) => {
    const client = await open();
    const memory = watchMemory(t, sluice);
    client.other.pause();
    const chunk = Buffer.alloc(MIB / 4, 'x');
    for (let at = 0; at < 256 && client.socket.readyState === WebSocket.OPEN; at++) {
      await new Promise((resolve) => client.socket.send(chunk, resolve));
    }
    await until(() => client.received.length === 1, { what: 'the close' });
    assert.match(client.received[0]!, /^close 1013 /);
    client.other.resume();
    await until(() => client.heard.at(-1)?.startsWith('close') === true, { what: 'the close' });
    assert.match(client.heard.at(-1)!, /^close 1013 /);
    assertFlat(memory(), '64 MiB to a peer that stands still');
  });
});

describe('WebSockets and the life of the proxy', () => {
  it('keeps open sockets over a reload', async () => {
    const client = await open('/echo');
    const more = { limits: { webSocketMessageBytes: 8 * MIB } };
    const event = await sluice.reload(await configuration(more));
    assert.match(String(event['msg']), /is live/);
    client.socket.send('still here');
    await until(() => client.received.length === 1, { what: 'the echo' });
    const fresh = await open('/echo');
    fresh.socket.send('new');
    await until(() => fresh.received.length === 1, { what: 'the echo of a new one' });
    for (const { socket } of [client, fresh]) socket.close();
  });

  it('closes a tunnel that is idle for too long, at both ends', async () => {
    await sluice.reload(await configuration({ timeouts: { webSocketIdleMs: 1000 } }));
    const client = await open();
    const ends = [client.heard, client.received];
    await until(() => ends.every((lines) => lines.length === 1), { what: 'both closes' });
    for (const [line] of ends) assert.match(line!, /^close 1001/);
    await sluice.reload(await configuration());
  });

  it('says goodbye at both ends when it drains, those of former configurations too', async () => {
    const old = await open();
    await sluice.reload(await configuration({ limits: { webSocketMessageBytes: 4 * MIB } }));
    const fresh = await open();
    const exit = await sluice.stop();
    assert.equal(exit.code, 0);
    const ends = [old, fresh].flatMap(({ heard, received }) => [heard, received]);
    await until(() => ends.every((lines) => lines.length === 1), { what: 'all closes' });
    for (const [line] of ends) assert.match(line!, /^close 1001/);
  });

  it('left no word of the engine between the events', () => {
    assert.doesNotMatch(sluice.output(), /uWS/);
  });

  after(() => sluice.kill());
});

/** Waits until `count` has not changed for a while. */
async function untilStill(count: () => number): Promise<void> {
  let before = -1;
  await until(
    async () => {
      await delay(300);
      const isStill = before === count();
      before = count();
      return isStill;
    },
    { what: 'nothing moves any more' },
  );
}
