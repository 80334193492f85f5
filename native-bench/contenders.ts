// All that can be measured: Sluice in its variants, the native proxies, the Node ones, any other command.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Contender, type Lane, writeConfig } from './contender.ts';
import type { Command } from './harness/workbench.ts';
import { nativePeers } from './native-peers.ts';
import { nodePeers } from './node-peers.ts';
import type { Work } from './scenario.ts';

const projectRoot = new URL('../', import.meta.url);

/** As in the peers' files: connections to the origin are kept for long, and for any number of requests. */
const LONG_KEEP_ALIVE = [
  ...['--set', 'upstreams.app.keepAlive.requestsMax=100000000'],
  ...['--set', 'upstreams.app.keepAlive.idleMs=60s'],
];

const EVERY_WORK: readonly Work[] = ['forward', 'gzip', 'cache', 'cache-gzip'];
/** What the route says in its file, for each. */
const WORK_FLAGS: Readonly<Record<Work, readonly string[]>> = {
  forward: [],
  cache: ['--set', 'routes.0.cache=true'],
  gzip: ['--set', 'routes.0.compress=true'],
  'cache-gzip': ['--set', 'routes.0.cache=true', '--set', 'routes.0.compress=true'],
};

/** Sluice as an operator would start it; `args` are flags to add. */
export function sluiceContender(
  name: string,
  args: readonly string[],
  works: readonly Work[] = EVERY_WORK,
): Contender {
  return {
    name,
    kind: 'sluice',
    missing: () => null,
    version: () => {
      const manifest = readFileSync(new URL('package.json', projectRoot), 'utf8');
      return `${(JSON.parse(manifest) as { version: string }).version}, Node ${process.versions.node}`;
    },
    can: { webSocket: true, accessLog: true, works, wires: ['http', 'https', 'h2'] },
    command: (lane) => {
      const log = ['--log-access', 'json', '--access-file', join(lane.directory, 'access.log')];
      const added = [...WORK_FLAGS[lane.work], ...(lane.accessLog ? log : []), ...args];
      const flags = [...LONG_KEEP_ALIVE, ...added];
      return sluiceCommand(lane, ['--cores', `${lane.workers}`, ...flags], entryOf(lane));
    },
  };
}

/** The command line of Sluice between `lane.port` and `lane.originPort`, quiet and without access log. */
export function sluiceCommand(
  lane: Pick<Lane, 'port' | 'originPort' | 'adminPort'>,
  args: readonly string[],
  entry: readonly string[] = plainEntry(lane),
): Omit<Command, 'name' | 'core'> {
  const main = fileURLToPath(new URL('src/main.ts', projectRoot));
  const logOff = args.includes('--log-access') ? [] : ['--log-access', 'off'];
  return {
    program: process.execPath,
    args: [main, 'run', ...entry, ...logOff, ...args],
    environment: { SLUICE_ADMIN_PORT: `${lane.adminPort}`, SLUICE_LOG_LEVEL: 'warn' },
  };
}

function plainEntry({ port, originPort }: Pick<Lane, 'port' | 'originPort'>): string[] {
  return ['--listen', `127.0.0.1:${port}`, '--to', `http://127.0.0.1:${originPort}`];
}

/** With TLS there is more to say than these flags can. */
function entryOf(lane: Lane): string[] {
  if (lane.certificate === null) return plainEntry(lane);
  const { certFile, keyFile } = lane.certificate;
  const http2 = `${lane.wire === 'h2'}`;
  return [writeConfig('sluice/tls.yaml', lane, { certFile, keyFile, http2 })];
}

/** Any command line that serves PORT in front of ORIGIN_PORT (both in its environment). */
export function commandContender(name: string, commandLine: string): Contender {
  return {
    name,
    kind: 'command',
    missing: () => null,
    version: () => 'command',
    can: { webSocket: true, accessLog: false, works: EVERY_WORK },
    command: (lane) => ({
      program: 'sh',
      args: ['-c', `exec ${commandLine}`],
      environment: { PORT: `${lane.port}`, ORIGIN_PORT: `${lane.originPort}` },
    }),
  };
}

const sluice = sluiceContender('sluice', []);

/** The like of nginx and HAProxy as they are configured here: peers are told nothing about the client. */
const sluiceLean = sluiceContender('sluice-lean', ['--set', 'headers.forwarded=off'], ['forward']);

/** Requests are written to peers before the answers to earlier ones are there. */
const sluicePipelining = sluiceContender('sluice-pipelining', [
  ...['--set', 'headers.forwarded=off', '--set', 'upstreams.app.pipelining=16'],
]);

/** The engine that knows all of TLS, where `sluice` has the fast one. */
const sluiceNode = sluiceContender('sluice-node', ['--set', 'listeners.0.engine=node']);

/** Everybody, in the order of the tables. */
export const allContenders: readonly Contender[] = [
  sluice,
  sluiceLean,
  sluicePipelining,
  sluiceNode,
  ...nativePeers,
  ...nodePeers,
];
