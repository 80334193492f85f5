// `sluice demo`: two example backends in this process and the real proxy, with its processes, in front.
// Stands beside cli because it starts a primary and serves HTTP, which no other command does.

import type { CliIo } from '../cli/command.ts';
import { emptyDocument } from '../config/document.ts';
import type { Assignment } from '../config/draft.ts';
import { completeConfig } from '../config/parse.ts';
import { ConfigError } from '../config/problem.ts';
import type { Config } from '../config/schema.ts';
import { EventLog } from '../observe/events.ts';
import { probePort } from '../primary/port-probe.ts';
import { runPrimary } from '../primary/primary.ts';
import { type Backend, startBackend } from './backend.ts';

const HOST = '127.0.0.1';
const FIRST_PORT = 8080;
const FIRST_ADMIN_PORT = 9900;

/** Runs the demo until it is told to end; flags change its configuration as they do everywhere. */
export async function runDemo(flags: readonly Assignment[], io: CliIo): Promise<number> {
  const backends = await Promise.all(['apple', 'pear'].map(startBackend));
  try {
    const document = { ...emptyDocument(io.cwd), value: await demoSettings(backends) };
    const { config } = completeConfig(document, { flags, env: io.env }, io.cwd);
    return await runProxy(config, backends, io);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.stderr(`sluice: ${error.message}`);
    return 1;
  } finally {
    await Promise.all(backends.map((backend) => backend.close()));
  }
}

async function runProxy(config: Config, backends: Backend[], io: CliIo): Promise<number> {
  const log = new EventLog({ level: config.log.level, role: 'primary', worker: null });
  const code = await runPrimary({
    config,
    load: async () => config,
    configPath: null,
    label: 'demo',
    events: log.events,
    onReady: (live) => io.stdout(describe(live, backends)),
  });
  await log.close();
  if (code === 0) io.stdout('\nAll stopped.\n');
  return code;
}

/** Where nothing is said otherwise: this machine only, two workers, a log that people read. */
async function demoSettings(backends: Backend[]): Promise<Record<string, unknown>> {
  return {
    cores: 2,
    listeners: [{ host: HOST, port: await nextFreePort(FIRST_PORT) }],
    upstreams: { demo: { peers: backends.map((backend) => backend.url) } },
    routes: [{ to: 'demo' }],
    timeouts: { drainMs: '2s' },
    log: { level: 'warn', access: 'combined' },
    admin: { host: HOST, port: await nextFreePort(FIRST_ADMIN_PORT) },
  };
}

async function nextFreePort(first: number): Promise<number> {
  for (let port = first; port < first + 100; port += 1) {
    if ((await probePort({ host: HOST, port, purpose: '' }, 0)) === null) return port;
  }
  return 0;
}

function describe(config: Config, backends: Backend[]): string {
  const [listener] = config.listeners;
  const url = `http://${listener?.host ?? HOST}:${listener?.port}`;
  const { enabled, host, port } = config.admin;
  const peers = backends.map(({ name, url: address }) => `${name} ${address}`).join(', ');
  return `
Sluice is running with ${config.cores} workers.

  proxy     ${url}
  backends  ${peers}
  metrics   ${enabled ? `http://${host}:${port}/metrics` : 'off'}

Try it (or open ${url} in a browser):

  curl ${url}/
  curl -N ${url}/events
  curl -i '${url}/slow?seconds=2'

Ctrl-C stops all of it.

`;
}
