// Streaming both ways: constant memory whatever the size, back-pressure from either side, slow uploads,
// long waits for the head.

import assert from 'node:assert/strict';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectClient, type RawClient } from '../support/client.ts';
import { until } from '../support/deadline.ts';
import { engineUnderTest, type Sluice, startSluice } from '../support/sluice.ts';
import { suiteCleanup } from '../support/suite.ts';
import { assertFlat, residentBytes, watchMemory } from '../support/worker-memory.ts';

const suite = suiteCleanup();
const MIB = 2 ** 20;
/** The second engine gets less of everything: what grows, grows from the first MiB on. */
const isNode = engineUnderTest() === 'node';
const TOTAL_MIB = isNode ? 128 : 2048;
const TOTAL_BYTES = TOTAL_MIB * MIB;
const STALLED_MIB = isNode ? 8 : 64;
const SLOW_S = isNode ? 1 : 20;
const LATE_S = isNode ? 1 : 25;
/** What garbage collection and allocator slack may add to a worker on top of bounded buffers. */
const SLACK_BYTES = 64 * MIB;
/** The same after 200 first pieces: the engine node copies what it sends. */
const STALLED_SLACK_BYTES = isNode ? SLACK_BYTES : SLACK_BYTES / 2;
let sluice: Sluice;
let port = 0;
/** Reads uploads only while open. */
let gate = Promise.resolve();
let openGate = () => {};

before(async () => {
  port = await startApplication();
  sluice = await startSluice(
    {
      cores: 1,
      upstreams: { app: { peers: [`http://127.0.0.1:${port}`] } },
      routes: [{ to: 'app' }],
    },
    { context: suite },
  );
  await download(1 * MIB, 0);
});

describe('streaming', () => {
  it(`downloads ${TOTAL_MIB} MiB past a slow reader in constant memory`, async (t) => {
    const memory = watchMemory(t, sluice);
    const received = await download(TOTAL_BYTES, 64);
    assert.equal(received, TOTAL_BYTES);
    assertFlat(memory(), 'the download', SLACK_BYTES);
  });

  it(`uploads ${TOTAL_MIB} MiB to a slow reader in constant memory`, async (t) => {
    const memory = watchMemory(t, sluice);
    assert.equal(await upload(TOTAL_BYTES), TOTAL_BYTES);
    assertFlat(memory(), 'the upload', SLACK_BYTES);
  });

  it('holds at most 64 KiB for each of 200 downloads whose readers stand still', async (t) => {
    const memory = watchMemory(t, sluice);
    const clients: RawClient[] = [];
    for (let at = 0; at < 200; at++) {
      const client = await connectClient(sluice.port, { context: suite });
      client.pause();
      clients.push(client);
      await client.send(`GET /bytes?${TOTAL_BYTES} HTTP/1.1\r\nHost: h\r\n\r\n`);
    }
    await untilSteady();
    const grown = memory();
    for (const client of clients) client.reset();
    console.log(`200 stalled downloads: ${(grown / 200 / 1024).toFixed(0)} KiB of RSS each`);
    assert.ok(grown < 200 * 64 * 1024 + STALLED_SLACK_BYTES, `${grown} bytes`);
  });

  it('stops reading an upload that nobody takes, and goes on when somebody does', async (t) => {
    closeGate();
    const memory = watchMemory(t, sluice);
    const clients: RawClient[] = [];
    const size = STALLED_MIB * MIB;
    for (let at = 0; at < 20; at++) {
      const client = await connectClient(sluice.port, { context: suite });
      clients.push(client);
      await client.send(`POST /gated HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n`);
      void sendInPieces(client, size, 64 * 1024);
    }
    await untilSteady();
    const grown = memory();
    console.log(`20 stalled uploads: ${(grown / 20 / 1024).toFixed(0)} KiB of RSS each`);
    // The engine reads on until the kernel's buffer is empty, paused or not; then it stops.
    assert.ok(grown < 20 * 4 * MIB + SLACK_BYTES, `${grown} bytes`);
    openGate();
    for (const client of clients) {
      const answer = await client.response({ deadlineMs: 30_000 });
      assert.equal(answer.body.toString(), String(size));
      client.close();
    }
  });

  it(`keeps a slow upload of 1 KB/s alive, and waits ${LATE_S} s for a head`, async () => {
    const waiting = await connectClient(sluice.port, { context: suite });
    await waiting.send(`GET /late?${LATE_S * 1000} HTTP/1.1\r\nHost: h\r\n\r\n`);
    const client = await connectClient(sluice.port, { context: suite });
    const size = SLOW_S * 1000;
    await client.send(`POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n`);
    // The pace is what is tested here; nothing could be awaited in its place.
    for (let second = 0; second < SLOW_S; second++) {
      await client.send('x'.repeat(1000));
      await delay(1000);
    }
    const counted = await client.response();
    assert.equal(counted.body.toString(), String(size));
    const late = await waiting.response({ deadlineMs: 30_000 });
    assert.equal(late.body.toString(), 'late');
  });
});

async function startApplication(): Promise<number> {
  const chunk = Buffer.alloc(256 * 1024, 97);
  const server = createServer(async (incoming, answer) => {
    const [path, argument] = (incoming.url ?? '').split('?');
    if (path === '/bytes') {
      let left = Number(argument);
      answer.writeHead(200, { 'content-length': left });
      const pump = () => {
        while (left > 0) {
          const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
          left -= part.length;
          if (!answer.write(part)) {
            answer.once('drain', pump);
            return;
          }
        }
        answer.end();
      };
      pump();
    } else if (path === '/late') {
      setTimeout(() => answer.end('late'), Number(argument));
    } else {
      answer.end(String(await countSlowly(incoming, path === '/gated')));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  suite.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Counts a body, with a pause every 64 MiB, or only once the gate is open. */
async function countSlowly(incoming: IncomingMessage, isGated: boolean): Promise<number> {
  if (isGated) await gate;
  let count = 0;
  let pauseAt = 64 * MIB;
  for await (const chunk of incoming) {
    count += (chunk as Buffer).length;
    if (count < pauseAt) continue;
    pauseAt += 64 * MIB;
    await delay(20);
  }
  return count;
}

function closeGate(): void {
  gate = new Promise((resolve) => {
    openGate = resolve;
  });
}

/**
 * Sends at the pace of a network: at memory speed the engine uws finds the kernel's buffer full again and
 * again, and holds up to what such a client is cut at (docs/engines.md). There is a pause after each piece
 * because a sender that keeps a rate would be as fast as memory whenever it has fallen behind.
 */
async function sendInPieces(client: RawClient, size: number, pieceBytes: number): Promise<void> {
  const piece = Buffer.alloc(pieceBytes, 120);
  for (let sent = 0; sent < size && !client.closed; sent += piece.length) {
    await client.send(piece);
    await delay(1);
  }
}

/** Reads `bytes` and stands still for a moment every `pauseEveryMib`. */
async function download(bytes: number, pauseEveryMib: number): Promise<number> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { port: sluice.port, host: '127.0.0.1', path: `/bytes?${bytes}`, agent: false };
    httpRequest(options, resolve).on('error', reject).end();
  });
  let received = 0;
  let pauseAt = pauseEveryMib * MIB;
  for await (const chunk of answer) {
    received += (chunk as Buffer).length;
    if (pauseEveryMib === 0 || received < pauseAt) continue;
    pauseAt += pauseEveryMib * MIB;
    await delay(20);
  }
  return received;
}

/** Uploads `bytes`; returns how many the application counted. */
async function upload(bytes: number): Promise<number> {
  const client = await connectClient(sluice.port, { context: suite });
  await client.send(`POST /count HTTP/1.1\r\nHost: h\r\nContent-Length: ${bytes}\r\n\r\n`);
  await sendInPieces(client, bytes, 256 * 1024);
  const answer = await client.response();
  client.close();
  return Number(answer.text());
}

/** Waits until the worker has stopped growing: what can be buffered is buffered. */
async function untilSteady(): Promise<void> {
  let last = 0;
  let calm = 0;
  await until(
    async () => {
      await delay(100);
      const now = residentBytes(sluice);
      calm = Math.abs(now - last) < 256 * 1024 ? calm + 1 : 0;
      last = now;
      return calm >= 5;
    },
    { what: 'the worker stops growing' },
  );
}
