// Scripted backends: a raw-TCP origin that sends exact bytes when told and records what it received, and
// a plain node:http one. Both listen on port 0 of 127.0.0.1.

import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type RequestListener,
} from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Cleanup, DEADLINE_MS, until } from './deadline.ts';
import { OriginConnection, type ReceivedRequest } from './origin-connection.ts';

/** Runs once per connection; what it throws is kept in `origin.errors` and cuts the connection. */
export type OriginScript = (connection: OriginConnection) => void | Promise<void>;

/** Runs once per complete request of a connection. */
export type RequestScript = (
  connection: OriginConnection,
  request: ReceivedRequest,
) => void | Promise<void>;

export interface OriginOptions {
  readonly context?: Cleanup;
  /** Bytes kept per connection; beyond it they are only counted. Default 16 MiB. */
  readonly recordBytesMax?: number;
  readonly host?: string;
}

export interface Origin {
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Every connection so far, closed ones included, in order of arrival. */
  readonly connections: readonly OriginConnection[];
  /** Every complete request so far, over all connections. */
  readonly requests: readonly ReceivedRequest[];
  /** What scripts threw. */
  readonly errors: readonly unknown[];
  /** Waits for the connection with this index (0 is the first). */
  connection(index: number, deadlineMs?: number): Promise<OriginConnection>;
  /** Waits until `count` complete requests arrived in all. */
  requestCount(count: number, deadlineMs?: number): Promise<void>;
  /** Stops listening and resets what is open. */
  close(): Promise<void>;
}

/** Starts a raw-TCP origin; `script` runs for each connection. */
export async function startOrigin(
  script: OriginScript,
  options: OriginOptions = {},
): Promise<Origin> {
  const connections: OriginConnection[] = [];
  const errors: unknown[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
    const index = connections.length;
    const connection = new OriginConnection(socket, index, options.recordBytesMax ?? 2 ** 24);
    connections.push(connection);
    runScript(script, connection).catch((error: unknown) => {
      errors.push(error);
      connection.reset();
    });
  });
  const host = options.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, resolve);
  });
  server.unref();
  const { port } = server.address() as AddressInfo;
  const origin: Origin = {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    connections,
    get requests() {
      return connections.flatMap((connection) => connection.requests);
    },
    errors,
    async connection(index, deadlineMs = DEADLINE_MS) {
      await until(() => connections.length > index, {
        what: `connection ${index} at the origin (${connections.length} so far)`,
        deadlineMs,
      });
      return connections[index] as OriginConnection;
    },
    async requestCount(count, deadlineMs = DEADLINE_MS) {
      await until(() => origin.requests.length >= count, {
        what: `${count} requests at the origin (${origin.requests.length} so far)`,
        deadlineMs,
      });
    },
    async close() {
      for (const connection of connections) connection.reset();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  options.context?.after(() => origin.close());
  return origin;
}

/** Script that runs `script` for each complete request of every connection, one after the other. */
export function onEachRequest(script: RequestScript): OriginScript {
  return async (connection) => {
    for (;;) {
      const request = await connection.nextRequest();
      if (request === null) return;
      await script(connection, request);
    }
  };
}

/** Script that answers every request with the same exact bytes. */
export function answering(response: string | Uint8Array): OriginScript {
  return onEachRequest((connection) => connection.send(response));
}

/** Builds a small sized response; `fields` are complete header lines without CRLF. */
export function sizedResponse(body: string | Uint8Array, fields: readonly string[] = []): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : Buffer.from(body);
  const lines = ['HTTP/1.1 200 OK', `Content-Length: ${bytes.length}`, ...fields, '', ''];
  return Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), bytes]);
}

export interface HttpOrigin {
  readonly port: number;
  readonly url: string;
  readonly server: HttpServer;
  close(): Promise<void>;
}

/** Starts a node:http origin on port 0. */
export async function startHttpOrigin(
  handler: RequestListener,
  options: { readonly context?: Cleanup } = {},
): Promise<HttpOrigin> {
  const server = createHttpServer(handler);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  server.unref();
  const { port } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  options.context?.after(close);
  return { port, url: `http://127.0.0.1:${port}`, server, close };
}

async function runScript(script: OriginScript, connection: OriginConnection): Promise<void> {
  await script(connection);
}
