// A node:http2 server as the peer, by TLS with a certificate of our own or without.

import {
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from 'node:http2';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { UndiciOptions } from '../../../../../src/worker/upstream/undici/options.ts';
import type { Authority, Certificate } from '../../../../support/certificates.ts';
import type { Cleanup } from '../../../../support/deadline.ts';
import { testOptions } from './support.ts';

export type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

export interface Http2Origin {
  readonly port: number;
  readonly sessions: ServerHttp2Session[];
  readonly headers: IncomingHttpHeaders[];
}

export const OK: OnStream = (stream) => {
  stream.respond({ ':status': 200 });
  stream.end('hi');
};

/** Starts a server and ends its sessions after the test. */
export async function listen(
  t: Cleanup,
  server: Http2Server | Http2SecureServer,
  onStream: OnStream,
): Promise<Http2Origin> {
  const sessions: ServerHttp2Session[] = [];
  const seen: IncomingHttpHeaders[] = [];
  server.on('session', (session) => {
    session.on('error', () => {});
    sessions.push(session);
  });
  server.on('stream', (stream, headers) => {
    seen.push(headers);
    stream.on('error', () => {});
    onStream(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions, headers: seen };
}

/** Starts a server over TLS that chooses HTTP/2. */
export function startH2(
  t: Cleanup,
  certificate: Certificate,
  onStream: OnStream,
  settings: Settings = {},
): Promise<Http2Origin> {
  return listen(t, createSecureServer({ ...certificate, settings }), onStream);
}

/** Options that trust `authority`. */
export function trusting(authority: Authority): Pick<UndiciOptions, 'tls'> {
  return { tls: { ...testOptions.tls, ca: authority.ca } };
}

/** Starts what passes connections on to `port` and can break them. */
export async function startRelay(
  t: Cleanup,
  port: number,
): Promise<{ readonly port: number; readonly clients: Socket[] }> {
  const clients: Socket[] = [];
  const server = createTcpServer((client) => {
    clients.push(client);
    const peer = connect(port, '127.0.0.1');
    client.pipe(peer).pipe(client);
    for (const end of [client, peer]) end.on('error', () => {});
    client.once('close', () => peer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const client of clients) client.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, clients };
}
