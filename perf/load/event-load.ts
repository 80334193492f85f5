// Listens to server-sent events on many connections, as a process of its own. An event's latency is from
// the time of day that its origin wrote into it until it is read here: one clock, as both are on one
// machine. Orders as JSON in the first argument; writes JSON lines.

import { connect, type Socket } from 'node:net';
import { encodeHistogram, latencyHistogram, sayLine, sayProgress } from './load-result.ts';

export interface EventOrders {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly durationS: number;
}

const orders = JSON.parse(process.argv[2] ?? '') as EventOrders;
const histogram = latencyHistogram();
let events = 0;
let bytes = 0;
let errors = 0;
let isOver = false;

await Promise.all(Array.from({ length: orders.connections }, listen));
// What came while others were still connecting does not count.
events = 0;
bytes = 0;
histogram.reset();
const startedMs = performance.now();
const endProgress = sayProgress(() => events);
setTimeout(end, orders.durationS * 1000);

/** Resolves when the first event has come on a new connection, or the connection has failed. */
function listen(): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ host: '127.0.0.1', port: orders.port });
    let rest = '';
    const failed = (): void => {
      if (!isOver) errors += 1;
      socket.removeAllListeners('close');
      resolve();
    };
    socket.on('error', () => {});
    socket.on('close', failed);
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      const text = rest + chunk.toString('latin1');
      const complete = text.lastIndexOf('\n\n') + 2;
      rest = complete < 2 ? text : text.slice(complete);
      if (complete < 2) return;
      const nowMicros = (performance.timeOrigin + performance.now()) * 1000;
      for (const [, sentMicros] of text.slice(0, complete).matchAll(/data: (\d+)/g)) {
        events += 1;
        histogram.recordValue(Math.max(1, Math.round(nowMicros - Number(sentMicros))));
        resolve();
      }
    });
    socket.write(
      `GET ${orders.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`,
    );
  });
}

function end(): void {
  isOver = true;
  endProgress();
  const seconds = (performance.now() - startedMs) / 1000;
  const counts = { work: events, seconds, bytes, errors, timeouts: 0, non2xx: 0 };
  sayLine({ result: { ...counts, histogram: encodeHistogram(histogram) } });
  process.stdout.write('', () => process.exit(0));
}
