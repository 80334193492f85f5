// Sends every request on a connection of its own, as a process of its own; autocannon does not count
// requests after which it reconnects. Latency is from the connecting on to the end of the answer. Orders
// as JSON in the first argument; writes JSON lines.

import { connect } from 'node:net';
import { encodeHistogram, latencyHistogram, sayLine, sayProgress } from './load-result.ts';

export interface ChurnOrders {
  readonly port: number;
  readonly path: string;
  /** At a time. */
  readonly connections: number;
  readonly durationS: number;
}

const orders = JSON.parse(process.argv[2] ?? '') as ChurnOrders;
const request = `GET ${orders.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;
const histogram = latencyHistogram();
let requests = 0;
let bytes = 0;
let errors = 0;
let non2xx = 0;
let isOver = false;

const startedMs = performance.now();
const endProgress = sayProgress(() => requests);
setTimeout(() => {
  isOver = true;
}, orders.durationS * 1000);
await Promise.all(Array.from({ length: orders.connections }, askInTurn));
endProgress();
const seconds = (performance.now() - startedMs) / 1000;
const counts = { work: requests, seconds, bytes, errors, timeouts: 0, non2xx };
sayLine({ result: { ...counts, histogram: encodeHistogram(histogram) } });

async function askInTurn(): Promise<void> {
  while (!isOver) await ask();
}

/** Resolves when the connection is closed. */
function ask(): Promise<void> {
  return new Promise((resolve) => {
    const sinceMs = performance.now();
    const socket = connect({ host: '127.0.0.1', port: orders.port });
    let status = 0;
    socket.on('data', (chunk: Buffer) => {
      if (status === 0) status = Number(chunk.toString('latin1', 9, 12));
      bytes += chunk.length;
    });
    socket.on('error', () => {
      errors += 1;
    });
    socket.on('close', () => {
      if (status >= 200 && status < 300) {
        requests += 1;
        histogram.recordValue(Math.max(1, Math.round((performance.now() - sinceMs) * 1000)));
      } else if (status > 0) {
        non2xx += 1;
      }
      resolve();
    });
    socket.write(request);
  });
}
