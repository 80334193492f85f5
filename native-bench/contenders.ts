// The proxies that are measured: how each is started on one core, and what its version is.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { versionOf } from './harness/machine.ts';
import { fillTemplate } from './harness/template.ts';
import { type Command, freePort, type Running, type Workbench } from './harness/workbench.ts';

/** What a contender needs to know to run. */
export interface Lane {
  readonly directory: string;
  readonly port: number;
  readonly originPort: number;
  /** Where Sluice's admin listener goes. */
  readonly adminPort: number;
  /** Idle connections to the origin that must be kept: as many as the client opens. */
  readonly upstreamConnections: number;
}

export interface Contender {
  readonly name: string;
  /** Programs that must be installed. */
  readonly needs: readonly string[];
  readonly version: () => string;
  readonly command: (lane: Lane) => Omit<Command, 'name' | 'core'>;
}

/** A contender that answers on its port. */
export interface Contestant {
  readonly name: string;
  readonly port: number;
  readonly running: Running;
}

const folder = new URL('./peers-config/', import.meta.url);
const projectRoot = new URL('../', import.meta.url);

const nginx: Contender = {
  name: 'nginx',
  needs: ['nginx'],
  version: () => versionOf('nginx', ['-v']) ?? 'missing',
  command: (lane) => {
    const config = writeConfig('nginx.conf', lane);
    const errorLog = join(lane.directory, 'nginx-error.log');
    return { program: 'nginx', args: ['-p', lane.directory, '-c', config, '-e', errorLog] };
  },
};

const haproxy: Contender = {
  name: 'haproxy',
  needs: ['haproxy'],
  version: () => versionOf('haproxy', ['-v']) ?? 'missing',
  command: (lane) => ({
    program: 'haproxy',
    args: ['-db', '-f', writeConfig('haproxy.cfg', lane)],
  }),
};

/** As in the peers' files: connections to the origin are kept for long, and for any number of requests. */
const LONG_KEEP_ALIVE = [
  ...['--set', 'upstreams.app.keepAlive.requestsMax=100000000'],
  ...['--set', 'upstreams.app.keepAlive.idleMs=60s'],
];

/** Sluice as an operator would start it, with one worker; `args` are flags to add. */
export function sluiceContender(name: string, args: readonly string[]): Contender {
  return {
    name,
    needs: [],
    version: () => {
      const manifest = readFileSync(new URL('package.json', projectRoot), 'utf8');
      return `${(JSON.parse(manifest) as { version: string }).version}, Node ${process.versions.node}`;
    },
    command: (lane) => sluiceCommand(lane, ['--cores', '1', ...LONG_KEEP_ALIVE, ...args]),
  };
}

/** The command line of Sluice between `lane.port` and `lane.originPort`, quiet and without access log. */
export function sluiceCommand(
  lane: Pick<Lane, 'port' | 'originPort' | 'adminPort'>,
  args: readonly string[],
): Omit<Command, 'name' | 'core'> {
  const main = fileURLToPath(new URL('src/main.ts', projectRoot));
  return {
    program: process.execPath,
    args: [
      ...[main, 'run', '--listen', `127.0.0.1:${lane.port}`],
      ...['--to', `http://127.0.0.1:${lane.originPort}`, '--log-access', 'off', ...args],
    ],
    environment: { SLUICE_ADMIN_PORT: `${lane.adminPort}`, SLUICE_LOG_LEVEL: 'warn' },
  };
}

/** Any command line that serves PORT in front of ORIGIN_PORT (both in its environment). */
export function commandContender(name: string, commandLine: string): Contender {
  return {
    name,
    needs: [],
    version: () => 'command',
    command: (lane) => ({
      program: 'sh',
      args: ['-c', `exec ${commandLine}`],
      environment: { PORT: `${lane.port}`, ORIGIN_PORT: `${lane.originPort}` },
    }),
  };
}

export const standardContenders: readonly Contender[] = [
  nginx,
  haproxy,
  sluiceContender('sluice', []),
];

/** Starts `contender` on `core` and waits until it accepts connections. */
export async function startContender(
  contender: Contender,
  workbench: Workbench,
  lane: Pick<Lane, 'originPort' | 'upstreamConnections'> & { core: number },
): Promise<Contestant> {
  const { name } = contender;
  const port = await freePort();
  const { directory } = workbench;
  const command = contender.command({ ...lane, port, adminPort: await freePort(), directory });
  const running = workbench.start({ ...command, name, core: lane.core });
  await workbench.accepting(running, port);
  return { name, port, running };
}

function writeConfig(name: string, lane: Lane): string {
  const path = join(lane.directory, name);
  writeFileSync(path, fillTemplate(new URL(name, folder), { ...lane }));
  return path;
}
