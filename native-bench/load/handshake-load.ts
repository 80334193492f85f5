// Opens TLS 1.3 connections and ends each as soon as it stands: in full, or with the ticket of a first one.
// Certificates are looked at but not judged. Orders as JSON in the first argument; prints RESULT and what
// was counted. What it costs itself is more than what it asks for: look at the server's CPU time.

import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { build } from 'hdr-histogram-js';
import type { LoadReport } from './load-report.ts';

export interface HandshakeOrders {
  readonly port: number;
  readonly connections: number;
  readonly durationS: number;
  readonly isResuming: boolean;
}

const orders = JSON.parse(process.argv[2] ?? '') as HandshakeOrders;
const secureContext = createSecureContext({ minVersion: 'TLSv1.3' });
const histogram = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
const ticket = orders.isResuming ? await firstTicket() : null;
let done = 0;
let errors = 0;
let inTheOtherWay = 0;

const startedMs = performance.now();
const endMs = startedMs + orders.durationS * 1000;
await Promise.all(Array.from({ length: orders.connections }, oneAfterTheOther));
const report: LoadReport = {
  requests: done,
  durationMicros: (performance.now() - startedMs) * 1000,
  bytes: 0,
  connectErrors: errors,
  readErrors: 0,
  writeErrors: 0,
  // A full handshake where a short one was asked for, or the reverse.
  statusErrors: inTheOtherWay,
  timeouts: 0,
  p50Micros: histogram.getValueAtPercentile(50),
  p90Micros: histogram.getValueAtPercentile(90),
  p99Micros: histogram.getValueAtPercentile(99),
  maxMicros: histogram.maxValue,
};
process.stdout.write(`RESULT ${JSON.stringify(report)}\n`);

async function oneAfterTheOther(): Promise<void> {
  while (performance.now() < endMs) await shakeHands();
}

/** Resolves when the connection has ended on both sides. */
function shakeHands(): Promise<void> {
  return new Promise((resolve) => {
    const atMs = performance.now();
    const socket = open(ticket, () => {
      histogram.recordValue(Math.round((performance.now() - atMs) * 1000));
      done += 1;
      if (socket.isSessionReused() !== orders.isResuming) inTheOtherWay += 1;
      socket.end();
    });
    socket.on('error', () => {
      errors += 1;
    });
    socket.on('close', () => resolve());
    socket.resume();
  });
}

/** Asks for something: BoringSSL sends its ticket with the first bytes of an answer. */
function firstTicket(): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = open(null, () => socket.write('GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    socket.on('error', reject);
    socket.once('session', (received) => {
      socket.destroy();
      resolve(received);
    });
    socket.resume();
  });
}

function open(session: Buffer | null, onSecure: () => void): TLSSocket {
  const where = { host: '127.0.0.1', port: orders.port, servername: 'localhost' };
  const how = { secureContext, rejectUnauthorized: false };
  return connect({ ...where, ...how, ...(session === null ? {} : { session }) }, onSecure);
}
