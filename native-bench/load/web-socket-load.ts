// Sends WebSocket messages and waits for their echo, as a process of its own: closed loop, one message
// under way per connection. Orders as JSON in the first argument; prints progress and one report.

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type { LoadReport } from './load-report.ts';
import { FrameCounter, maskedFrame } from './web-socket-frames.ts';

export interface WebSocketOrders {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly durationS: number;
  readonly messageBytes: number;
}

/** The last line of the output: a report, and the histogram in microseconds for who wants all of it. */
export interface WebSocketResult {
  readonly report: LoadReport;
  readonly histogram: string;
}

const orders = JSON.parse(process.argv[2] ?? '') as WebSocketOrders;
const histogram = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
const message = maskedFrame(orders.messageBytes);
let echoes = 0;
let bytes = 0;
let connectErrors = 0;
let readErrors = 0;
let isOver = false;

const sockets = await Promise.all(Array.from({ length: orders.connections }, open));
const startedMs = performance.now();
for (const socket of sockets) if (socket !== null) converse(socket);
setTimeout(end, orders.durationS * 1000);

/** Upgrades one connection; null when the proxy refuses. */
function open(): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: orders.port, noDelay: true });
    const refused = (): void => {
      socket.off('close', refused);
      connectErrors += 1;
      socket.destroy();
      resolve(null);
    };
    socket.setTimeout(10_000, refused);
    socket.once('error', refused);
    socket.once('close', refused);
    socket.once('data', (head: Buffer) => {
      if (!head.toString('latin1').startsWith('HTTP/1.1 101')) return refused();
      socket.off('error', refused).off('close', refused);
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.write(
      `GET ${orders.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n` +
        'Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
  });
}

function converse(socket: Socket): void {
  const frames = new FrameCounter();
  let sentMs = performance.now();
  socket.on('error', () => broken());
  socket.on('close', () => broken());
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (frames.take(chunk) === 0 || isOver) return;
    const nowMs = performance.now();
    histogram.recordValue(Math.max(1, Math.round((nowMs - sentMs) * 1000)));
    echoes += 1;
    sentMs = nowMs;
    socket.write(message);
  });
  socket.write(message);
}

function broken(): void {
  if (!isOver) readErrors += 1;
}

function end(): void {
  isOver = true;
  const report: LoadReport = {
    requests: echoes,
    durationMicros: Math.round((performance.now() - startedMs) * 1000),
    bytes,
    connectErrors,
    readErrors,
    writeErrors: 0,
    statusErrors: 0,
    timeouts: 0,
    p50Micros: histogram.getValueAtPercentile(50),
    p90Micros: histogram.getValueAtPercentile(90),
    p99Micros: histogram.getValueAtPercentile(99),
    maxMicros: histogram.maxValue,
  };
  const result: WebSocketResult = { report, histogram: encodeIntoCompressedBase64(histogram) };
  process.stdout.write(`RESULT ${JSON.stringify(result)}\n`, () => process.exit(0));
}
