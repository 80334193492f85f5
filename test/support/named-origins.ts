// Origins that answer with their names and count: who got a request, and until when.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cleanup } from './deadline.ts';

export interface NamedOrigin {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Requests so far. */
  readonly count: number;
  close(): Promise<void>;
}

const attemptsMax = 50;

/** Starts an origin that answers every request with `name`. */
export async function startNamedOrigin(context: Cleanup, name: string): Promise<NamedOrigin> {
  const [origin] = await startAtOnePort(context, { [name]: '127.0.0.1' });
  return origin!;
}

/** Starts origins on the same port of several addresses: what the addresses of one name are. */
export async function startAtOnePort(
  context: Cleanup,
  hosts: Readonly<Record<string, string>>,
): Promise<NamedOrigin[]> {
  for (let attempt = 1; ; attempt += 1) {
    const origins: NamedOrigin[] = [];
    try {
      for (const [name, host] of Object.entries(hosts)) {
        origins.push(await start(name, host, origins[0]?.port ?? 0));
      }
      for (const origin of origins) context.after(() => origin.close());
      return origins;
    } catch (error) {
      for (const origin of origins) await origin.close();
      if (attempt === attemptsMax) throw error;
    }
  }
}

async function start(name: string, host: string, wanted: number): Promise<NamedOrigin> {
  let count = 0;
  const server: Server = createServer((_, response) => {
    count += 1;
    response.end(name);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(wanted, host, resolve);
  });
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    name,
    host,
    port,
    url: `http://${host}:${port}`,
    get count() {
      return count;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
