// Sends requests over HTTP/2 and TLS, on each connection as many at a time as ordered, as a process of its
// own. Orders as JSON in the first argument; writes JSON lines.

import { type ClientHttp2Session, connect } from 'node:http2';
import { encodeHistogram, latencyHistogram, sayLine, sayProgress } from './load-result.ts';

export interface Http2Orders {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  /** Requests at a time on each of them. */
  readonly streams: number;
  readonly durationS: number;
}

const orders = JSON.parse(process.argv[2] ?? '') as Http2Orders;
const histogram = latencyHistogram();
let requests = 0;
let bytes = 0;
let errors = 0;
let non2xx = 0;

const startedMs = performance.now();
const endMs = startedMs + orders.durationS * 1000;
const endProgress = sayProgress(() => requests);
await Promise.all(Array.from({ length: orders.connections }, runConnection));
endProgress();
const seconds = (performance.now() - startedMs) / 1000;
const counts = { work: requests, seconds, bytes, errors, timeouts: 0, non2xx };
sayLine({ result: { ...counts, histogram: encodeHistogram(histogram) } });

async function runConnection(): Promise<void> {
  const session = connect(`https://127.0.0.1:${orders.port}`, { rejectUnauthorized: false });
  session.on('error', () => {
    errors += 1;
  });
  await Promise.all(Array.from({ length: orders.streams }, () => askInTurn(session)));
  session.close();
}

async function askInTurn(session: ClientHttp2Session): Promise<void> {
  while (performance.now() < endMs && !session.destroyed) await ask(session);
}

/** Resolves when the stream is closed. */
function ask(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    const sinceMs = performance.now();
    const stream = session.request({ ':path': orders.path });
    let status = 0;
    stream.on('response', (head) => {
      status = head[':status'] ?? 0;
    });
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on('error', () => {
      errors += 1;
    });
    stream.on('close', () => {
      if (status >= 200 && status < 300 && stream.rstCode === 0) {
        requests += 1;
        histogram.recordValue(Math.max(1, Math.round((performance.now() - sinceMs) * 1000)));
      } else if (status > 0) {
        non2xx += 1;
      }
      resolve();
    });
  });
}
