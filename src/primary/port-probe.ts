// Questions about TCP ports, asked by binding one exclusively for a moment: is it ours to take, and which
// one is free. The workers bind them for good.

import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { entryPoints } from '../config/entry-points.ts';
import type { Config } from '../config/schema.ts';

const RETRY_MS = 100;

/** An address this process means to listen on. `purpose` is '' or e.g. ` (admin)`, for messages. */
export interface PortClaim {
  readonly host: string | null;
  readonly port: number;
  readonly purpose: string;
}

/** Tells whether a host means every address. */
export function isWildcard(host: string | null): boolean {
  return host === null || host === '::' || host === '0.0.0.0';
}

/** Everything a configuration listens on; its ports are final, none is 0. */
export function portClaims(config: Config): PortClaim[] {
  const claims: PortClaim[] = entryPoints(config).map(({ host, port }) => {
    return { host, port, purpose: '' };
  });
  const { enabled, host, port } = config.admin;
  if (enabled && port !== 0) claims.push({ host, port, purpose: ' (admin)' });
  return claims;
}

/** Returns null when nobody listens at `claim`, else one sentence; tries again for `patienceMs`. */
export async function probePort(claim: PortClaim, patienceMs: number): Promise<string | null> {
  const endsAtMs = performance.now() + patienceMs;
  for (;;) {
    const bound = await bindOnce(claim.host, claim.port);
    if (typeof bound === 'number') return null;
    if (bound.code !== 'EADDRINUSE' || performance.now() >= endsAtMs) return explain(claim, bound);
    await delay(RETRY_MS);
  }
}

/**
 * Gives every listener with port 0 a port that is free now, the one it had in `before` if it was there:
 * the workers must agree on one. Throws when an address can't be bound at all.
 */
export async function settlePorts(config: Config, before: Config | null): Promise<Config> {
  if (config.listeners.every((listener) => listener.port !== 0)) return config;
  const listeners: Config['listeners'] = [];
  for (const listener of config.listeners) {
    const { name, host } = listener;
    const known = before?.listeners.find((old) => old.name === name && old.host === host);
    const port = listener.port !== 0 ? listener.port : (known?.port ?? (await freePort(host)));
    listeners.push({ ...listener, port });
  }
  return { ...config, listeners };
}

async function freePort(host: string | null): Promise<number> {
  const bound = await bindOnce(host, 0);
  if (typeof bound === 'number') return bound;
  throw new Error(explain({ host, port: 0, purpose: '' }, bound));
}

function bindOnce(host: string | null, port: number): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', resolve);
    const address = host === null ? { port } : { host, port };
    server.listen({ ...address, exclusive: true }, () => {
      const bound = (server.address() as AddressInfo).port;
      server.close(() => resolve(bound));
    });
  });
}

function explain(claim: PortClaim, error: NodeJS.ErrnoException): string {
  const what = `port ${claim.port}${claim.purpose}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${what} is in use by another program`;
    case 'EACCES':
      return `${what} may not be used by this user (ports below 1024 need a privilege)`;
    case 'EADDRNOTAVAIL':
      return `${what}: this machine has no address ${claim.host}`;
    default:
      return `${what} can't be listened on: ${error.message}`;
  }
}
