// Large bodies through the listener, with readers that are slow: nothing is lost, changed or piled up.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Exchange } from '../../../src/core/exchange.ts';
import type { Source } from '../../../src/core/sink.ts';
import { withDeadline } from '../../support/deadline.ts';
import { readChunkedBody, readHead } from '../../support/http-message.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import { openScripted } from '../../unit/worker/listener/support/scripted-handler.ts';

/** More than the buffers of the system hold, so that the slow are felt. */
const TOTAL = 12 * 1024 * 1024;
/** Bytes that differ at every place, so that a chunk lost, doubled or swapped shows. */
const DATA = Buffer.alloc(TOTAL);
for (let at = 0; at < TOTAL; at += 4) DATA.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
const DIGEST = sha256(DATA);

/** Sends DATA as fast as the sink takes it. */
class Faucet implements Source {
  readonly #exchange: Exchange;
  readonly #chunkBytes: number;
  #at = 0;
  #isRunning = false;
  pauses = 0;

  constructor(exchange: Exchange, chunkBytes: number) {
    this.#exchange = exchange;
    this.#chunkBytes = chunkBytes;
  }

  resume(): void {
    if (this.#isRunning || this.#at > TOTAL) return;
    this.#isRunning = true;
    while (this.#at < TOTAL) {
      const chunk = DATA.subarray(this.#at, this.#at + this.#chunkBytes);
      this.#at += chunk.length;
      if (this.#exchange.client.write(chunk)) continue;
      this.pauses += 1;
      this.#isRunning = false;
      return;
    }
    this.#at += 1;
    this.#exchange.client.end();
  }
  pause(): void {}
  cancel(): void {}
}

for (const place of ['TCP', 'a unix socket']) {
  for (const framing of ['sized', 'chunked']) {
    for (const chunkBytes of [1000, 15_950, 16_384, 65_536, 1_000_000].filter(
      (bytes) => place !== 'TCP' || bytes > 16_384,
    )) {
      it(`delivers 12 MiB ${framing} in pieces of ${chunkBytes} over ${place} to slow readers`, async (t) => {
        const faucets: Faucet[] = [];
        const path = createTempDir(t).file('socket');
        const { port, handler } = await openScripted(
          t,
          (exchange) => {
            exchange.status = 200;
            exchange.responseHeaders = ['x-filler', 'x'.repeat(200)];
            exchange.responseByteLength = framing === 'sized' ? TOTAL : -1;
            const faucet = new Faucet(exchange, chunkBytes);
            faucets.push(faucet);
            exchange.client.start(faucet);
            setImmediate(() => faucet.resume());
          },
          place === 'TCP' ? {} : { host: `unix:${path}` },
        );
        const target = place === 'TCP' ? { port, host: '127.0.0.1' } : { path };
        const readers = [readSlowly(target, 0), readSlowly(target, 1), readSlowly(target, 2)];
        const bodies = await withDeadline(Promise.all(readers), 30_000, 'three slow readers');
        for (const body of bodies) assert.equal(sha256(body), DIGEST);
        assert.ok(
          faucets.some(({ pauses }) => pauses > 0),
          'nobody was slow',
        );
        assert.ok(handler.finishedExchanges.every(({ bytesSent }) => bytesSent === TOTAL));
      });
    }
  }
}

/** Reads a response, stopping for a while every so often; each pace has its own rhythm. */
async function readSlowly(target: object, pace: number): Promise<Buffer> {
  const socket = connect(target as { port: number });
  const parts: Buffer[] = [];
  let sinceStop = 0;
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await delay(50 * pace);
  for await (const part of socket) {
    parts.push(part as Buffer);
    sinceStop += part.length;
    if (sinceStop < 500_000 * (pace + 1)) continue;
    sinceStop = 0;
    await delay(5 * (3 - pace));
  }
  const bytes = Buffer.concat(parts);
  const head = readHead(bytes, 0)!;
  const isChunked = head.fields.some(([name]) => name.toLowerCase() === 'transfer-encoding');
  if (!isChunked) return bytes.subarray(head.bodyAt);
  return readChunkedBody(bytes, head.bodyAt)!.body;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
