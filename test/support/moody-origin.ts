// A backend whose mood a test changes while it runs: how it answers, and how it answers health checks.

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Certificate } from './certificates.ts';
import type { Cleanup } from './deadline.ts';

export interface MoodyOrigin {
  readonly url: string;
  readonly port: number;
  /** Status of ordinary answers. */
  status: number;
  /** Ordinary answers come after this. */
  delayMs: number;
  /** Status of answers to `/healthz`; 0 leaves the question open. */
  health: number;
  /** When ordinary requests came, by `performance.now()`. */
  readonly requestTimes: number[];
  /** When bad ordinary answers (500 and above) were sent. */
  readonly badTimes: number[];
  /** Checks so far. */
  readonly checks: () => number;
  /** Stops listening and cuts everything. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  restart(): Promise<void>;
}

/** Starts a backend in a good mood; with a certificate it speaks TLS. */
export async function startMoodyOrigin(
  context: Cleanup,
  certificate: Certificate | null = null,
): Promise<MoodyOrigin> {
  let checkCount = 0;
  const answer: RequestListener = (request, response) => {
    if (request.url === '/healthz') {
      checkCount += 1;
      if (origin.health !== 0) response.writeHead(origin.health).end('healthy enough');
      return;
    }
    origin.requestTimes.push(performance.now());
    setTimeout(() => {
      if (origin.status >= 500) origin.badTimes.push(performance.now());
      response.writeHead(origin.status).end('ok');
    }, origin.delayMs).unref();
  };
  const server = certificate === null ? createServer(answer) : createTlsServer(certificate, answer);
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  const origin: MoodyOrigin = {
    url: `${certificate === null ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    status: 200,
    delayMs: 0,
    health: 200,
    requestTimes: [],
    badTimes: [],
    checks: () => checkCount,
    stop: () => close(server),
    restart: () => listen(server, port),
  };
  context.after(() => close(server));
  return origin;
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
