// A server that is not ours (nginx, Redis, PHP-FPM, Pebble…) as a child process of a test: what it says is
// kept as evidence, and it ends with the test, with all the processes that it started itself. A process that
// outlives its test with a stream of the runner in its hands keeps the runner from ever ending.

import { type ChildProcess, spawn } from 'node:child_process';
import { type Cleanup, DEADLINE_MS, until } from './deadline.ts';
import { requireCommand } from './debian.ts';
import { isAlive, killTree } from './process-tree.ts';

export interface ForeignServerOptions {
  /** The server is killed when this ends. */
  readonly context: Cleanup;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Awaited before the server is handed out. */
  readonly isUp?: () => boolean | Promise<boolean>;
  readonly deadlineMs?: number;
}

export interface ForeignServer {
  readonly pid: number;
  /** What it wrote to stdout and stderr so far. */
  output(): string;
  /** Kills it and its children at once and waits until they are gone. Idempotent. */
  kill(): Promise<void>;
}

/** Starts `command` from Debian's packages in the foreground; throws with its output when it isn't up in time. */
export async function startForeignServer(
  command: string,
  args: readonly string[],
  options: ForeignServerOptions,
): Promise<ForeignServer> {
  const child = spawn(requireCommand(command), args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const server = watch(command, child);
  options.context.after(() => server.kill());
  const { isUp, deadlineMs = DEADLINE_MS } = options;
  if (isUp === undefined) return server;
  const isUpOrGone = async () => child.exitCode !== null || (await isUp());
  await until(isUpOrGone, { what: `${command} is up`, deadlineMs, evidence: server.output });
  if (child.exitCode !== null) throw new Error(`${command} ended at once\n${server.output()}`);
  return server;
}

function watch(command: string, child: ChildProcess): ForeignServer {
  const pid = child.pid ?? -1;
  let output = '';
  let isClosed = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-64 * 1024);
    });
  }
  const killNow = () => killTree(pid);
  process.once('exit', killNow);
  child.once('error', (error) => {
    output += `${command}: ${error.message}\n`;
    isClosed = true;
  });
  child.once('close', () => {
    isClosed = true;
    process.removeListener('exit', killNow);
  });
  return {
    pid,
    output: () => output,
    async kill() {
      if (isClosed) return;
      const pids = killTree(pid);
      const isGone = () => isClosed && !pids.some(isAlive);
      await until(isGone, { what: `${command} is gone`, evidence: () => output });
    },
  };
}
