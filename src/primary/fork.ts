// Starts the real child processes: workers with node:cluster, the sidecar with child_process.

import { type ChildProcess, fork as forkProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { randomBytes } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import type { Child, ChildEvents, ChildRole, Fork } from './child.ts';

/** How long a dead child's last messages may take to arrive. */
const LAST_WORDS_MS = 250;

export interface ForkOptions {
  /** Script that the children run, normally src/main.ts or dist/main.js. */
  readonly entry: string;
  /** Private directory that holds the sidecar's socket. */
  readonly runDirectory: string;
}

/** Makes the function that forks children; stdin stays with the primary, stdout and stderr are shared. */
export function createFork(options: ForkOptions): Fork {
  const execArgv = process.execArgv.filter((flag) => !flag.startsWith('--test'));
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
  // What workers sign and hash with: the same for a worker that replaces another.
  const secret = randomBytes(32).toString('hex');
  cluster.setupPrimary({ exec: options.entry, args: [], execArgv, stdio: [...stdio] });
  return (role, config, events) => {
    const env = childEnvironment(role, config, { runDirectory: options.runDirectory, secret });
    const child =
      role.kind === 'worker'
        ? cluster.fork(env).process
        : forkProcess(options.entry, [], {
            execArgv,
            stdio: [...stdio],
            env: { ...process.env, ...env },
          });
    return watch(child, events);
  };
}

function childEnvironment(
  role: ChildRole,
  config: Config,
  { runDirectory, secret }: { readonly runDirectory: string; readonly secret: string },
): Record<string, string> {
  const env: Record<string, string> = { SLUICE_ROLE: role.kind, SLUICE_RUN_DIR: runDirectory };
  if (role.kind === 'worker') {
    env['SLUICE_WORKER'] = String(role.slot);
    env['SLUICE_SECRET'] = secret;
    // Read by the uWebSockets.js addon when it is loaded, so it can't be changed in a running worker.
    env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(config.limits.requestHeadBytes);
  }
  return env;
}

function watch(child: ChildProcess, events: ChildEvents): Child {
  let isOver = false;
  const finish = (code: number | null, signal: NodeJS.Signals | null) => {
    if (isOver) return;
    isOver = true;
    events.onExit(code, signal);
  };
  child.on('message', (message) => {
    // node:cluster talks over the same channel; its own messages are not for us.
    if (!isOver && !isClusterMessage(message)) events.onMessage(message);
  });
  // Without a pid the process was never there and no exit will follow.
  child.on('error', () => {
    if (child.pid === undefined) finish(null, null);
  });
  child.on('exit', (code, signal) => {
    if (!child.connected) return finish(code, signal);
    child.once('disconnect', () => finish(code, signal));
    setTimeout(() => finish(code, signal), LAST_WORDS_MS);
  });
  return {
    pid: child.pid ?? null,
    send(message) {
      if (child.connected) child.send(message, () => {});
    },
    kill(signal) {
      child.kill(signal);
    },
  };
}

function isClusterMessage(message: unknown): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'cmd' in message &&
    typeof message.cmd === 'string' &&
    message.cmd.startsWith('NODE_')
  );
}
