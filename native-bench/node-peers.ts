// The other proxies of the Node world, from npm in a folder of its own, on the same Node as Sluice.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Contender, Lane } from './contender.ts';

const folder = new URL('./node-peers/', import.meta.url);

export const nodePeers: readonly Contender[] = [
  nodePeer({ name: 'fast-proxy', packageName: 'fast-proxy', webSocket: false }),
  nodePeer({ name: 'fastify-http-proxy', packageName: '@fastify/http-proxy', webSocket: true }),
  nodePeer({ name: 'http-proxy-3', packageName: 'http-proxy-3', webSocket: true }),
  nodePeer({ name: 'http-proxy', packageName: 'http-proxy', webSocket: true }),
];

function nodePeer(of: { name: string; packageName: string; webSocket: boolean }): Contender {
  const manifest = new URL(`node_modules/${of.packageName}/package.json`, folder);
  return {
    name: of.name,
    kind: 'node',
    missing: () => (existsSync(manifest) ? null : `${of.packageName} is not in node-peers/`),
    version: () => (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version,
    can: { webSocket: of.webSocket, accessLog: false, wires: ['http', 'https', 'h2'] },
    command: (lane) => ({
      program: process.execPath,
      args: [fileURLToPath(new URL(`${of.name}.mjs`, folder))],
      environment: {
        NODE_ENV: 'production',
        PORT: `${lane.port}`,
        ORIGIN_PORT: `${lane.originPort}`,
        WORKERS: `${lane.workers}`,
        UPSTREAM_CONNECTIONS: `${lane.upstreamConnections}`,
        ...certificateFiles(lane),
      },
    }),
  };
}

function certificateFiles({ certificate }: Lane): Record<string, string> {
  if (certificate === null) return {};
  return { CERT_FILE: certificate.certFile, KEY_FILE: certificate.keyFile };
}
