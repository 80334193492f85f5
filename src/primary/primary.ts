// The primary process from start to end: locks, run directory, children, signals. It supervises only and
// never touches a client's byte.
//
//   start ──► running ── SIGTERM, SIGINT or the launcher is gone ──► draining ── all gone ──► exit 0
//     │          └─ SIGHUP, changed file: reload                        └─ second signal ──► exit 128+n
//     └─ a port is taken, a child can't start ──► exit 1

import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import { messageOf } from '../std/message-of.ts';
import { systemTimers } from '../std/timers.ts';
import { Ending } from './end.ts';
import { Fleet } from './fleet.ts';
import { createFork } from './fork.ts';
import { keeperLimits } from './keeper.ts';
import { systemLockNames } from './lock-names.ts';
import { applyOverlay, withPeersOfFiles } from './overlay.ts';
import { PeerChanges } from './peer-changes.ts';
import { PeerFiles } from './peer-files.ts';
import { PluginWatch } from './plugin-watch.ts';
import { PortLocks } from './port-locks.ts';
import { portClaims, settlePorts } from './port-probe.ts';
import { Reloader } from './reload.ts';
import { createRunDirectory } from './run-directory.ts';
import { Running } from './running.ts';
import { ConfigWatch } from './watch.ts';

/** Time for each phase of a reload: all children must answer within it. */
const ROLLOUT_PHASE_MS = 10_000;

/** How far the times of files may lie behind the clock. */
const CLOCK_GRAIN_MS = 20;

/** Longer than any reload: what changed since then in a file with peers is looked at again. */
const RELOAD_MS = 60_000;

export interface PrimaryOptions {
  /** Checked and complete. */
  readonly config: Config;
  /** Reads the configuration again for a reload; rejects with a ConfigError that lists all problems. */
  readonly load: () => Promise<Config>;
  /** File to watch for changes; null when there is none. */
  readonly configPath: string | null;
  /** Names this instance in process titles and to a second instance, e.g. the path or the flags. */
  readonly label: string;
  readonly events: Events;
  /** Told about each configuration that becomes live by a reload, e.g. to change the log level. */
  readonly onLive?: (config: Config) => void;
  /** Told once, when every child is ready. */
  readonly onReady?: (config: Config) => void;
  /** Says why the start failed, to people; standard error by default. */
  readonly complain?: (sentence: string) => void;
  /** Script that the children run; main beside this folder by default. */
  readonly entry?: string;
}

/** Runs until the proxy is told to end; resolves with the exit code and leaves exiting to the caller. */
export async function runPrimary(options: PrimaryOptions): Promise<number> {
  process.title = `sluice: primary ${options.label}`;
  const complain = options.complain ?? ((text) => process.stderr.write(`sluice: ${text}\n`));
  const owner = { pid: process.pid, config: options.label, since: new Date().toISOString() };
  const locks = new PortLocks({ owner, names: systemLockNames() });
  try {
    const config = await settlePorts(options.config, null);
    const conflict = await locks.take(portClaims(config));
    if (conflict === null) return await runLocked(options, { config, locks, complain });
    complain(conflict);
  } catch (error) {
    complain(messageOf(error));
  } finally {
    locks.close();
  }
  return 1;
}

interface Locked {
  /** With settled ports. */
  readonly config: Config;
  readonly locks: PortLocks;
  readonly complain: (sentence: string) => void;
}

async function runLocked(options: PrimaryOptions, locked: Locked): Promise<number> {
  const { events } = options;
  const runDirectory = createRunDirectory(process.env);
  const { fleet, reloader, files, plugins } = await assemble(options, locked, runDirectory.path);
  const ending = new Ending({ fleet, reloader, timers: systemTimers, events });
  const watch = watchConfig(options, reloader);
  try {
    const problem = await fleet.start();
    if (problem !== null && !ending.hasBegun) {
      fleet.stop();
      locked.complain(`can't start: ${problem}`);
      return 1;
    }
    if (problem === null) announce(options, locked.config);
    return await ending.code;
  } finally {
    watch?.close();
    files.close();
    plugins.close();
    ending.stopListening();
    runDirectory.remove();
  }
}

/** The children, and those that change what they run: a reload, a wish, a file with peers, a plugin. */
async function assemble(options: PrimaryOptions, locked: Locked, runDirectory: string) {
  const { events } = options;
  const files = new PeerFiles({
    timers: systemTimers,
    events,
    onChange: async (upstream, peers) => {
      const change = { kind: 'found', source: 'file', peers } as const;
      const outcome = await changes.request({ upstream, change, ifMatch: null });
      return outcome.kind !== 'failed';
    },
  });
  const readAtMs = Date.now() - CLOCK_GRAIN_MS;
  const found = await files.read(locked.config);
  const overlay = withPeersOfFiles(locked.config, new Map(), found);
  const fleet = new Fleet({
    fork: createFork({ entry: options.entry ?? fileURLToPath(siblingMain()), runDirectory }),
    timers: systemTimers,
    events,
    config: applyOverlay(locked.config, overlay),
    limits: isBeingDebugged() ? { ...keeperLimits, pingsMissedMax: Infinity } : keeperLimits,
    rolloutPhaseMs: ROLLOUT_PHASE_MS,
    onRequest: (request, answer) => {
      const isReload = request.type === 'reload';
      void (isReload ? reloader.request('asked for') : changes.request(request)).then(answer);
    },
  });
  const { started } = fleet;
  const running = new Running(fleet, { config: locked.config, overlay });
  const changes = new PeerChanges({ running, started, events });
  const reloader = new Reloader({
    load: options.load,
    started,
    loaded: options.config,
    running,
    readPeers: (config) => files.read(config),
    locks: locked.locks,
    events,
    onLive: (config) => {
      files.follow(config, Date.now() - RELOAD_MS);
      plugins.follow(config, Date.now() - RELOAD_MS);
      options.onLive?.(config);
    },
  });
  const plugins = new PluginWatch({
    timers: systemTimers,
    events,
    onChange: () => void reloader.request('a plugin changed'),
  });
  files.follow(locked.config, readAtMs);
  plugins.follow(locked.config, performance.timeOrigin);
  return { fleet, reloader, files, plugins };
}

function announce(options: PrimaryOptions, config: Config): void {
  const listeners = config.listeners.map(({ name, host, port }) => ({ name, host, port }));
  options.events.info({ config: options.label, cores: config.cores, listeners }, 'sluice is ready');
  options.onReady?.(config);
}

function watchConfig(options: PrimaryOptions, reloader: Reloader): ConfigWatch | null {
  if (options.configPath === null) return null;
  return new ConfigWatch({
    path: options.configPath,
    readAtMs: performance.timeOrigin,
    timers: systemTimers,
    events: options.events,
    onChange: () => void reloader.request('the file changed'),
  });
}

function siblingMain(): URL {
  return new URL(`../main${extname(import.meta.url)}`, import.meta.url);
}

function isBeingDebugged(): boolean {
  return process.execArgv.some((flag) => flag.startsWith('--inspect'));
}
