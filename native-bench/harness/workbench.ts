// Owns everything a bench puts into the world: a temporary directory and process groups. `close` takes
// all of it away again, also on SIGINT, and never touches what it did not start.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from './cpu-account.ts';
import { searchPath } from './machine.ts';

/** What to start, and on which core. */
export interface Command {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Core number, a list like `0-2`, or null for any. */
  readonly core: number | string | null;
  readonly environment?: Record<string, string>;
}

/** A started program; its whole tree is stopped with it. */
export interface Running {
  readonly name: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const STOP_MS = 5000;
/** On a machine that is busy with other work. */
const START_MS = 30_000;

export class Workbench {
  /** Temporary directory, removed at the end. */
  readonly directory: string;
  readonly #running = new Set<Running>();
  readonly #onSignal = (): void => {
    void this.close().finally(() => process.exit(130));
  };

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
    process.once('SIGINT', this.#onSignal);
    process.once('SIGTERM', this.#onSignal);
  }

  /** Starts `command` in a process group of its own; its output goes to a log file in the directory. */
  start(command: Command): Running {
    const { name, program, args, core } = command;
    const pinned =
      core === null ? [program, ...args] : ['taskset', '-c', `${core}`, program, ...args];
    const log = openSync(this.#logFile(name), 'a');
    const child = spawn(pinned[0] ?? '', pinned.slice(1), {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...ownEnvironment(), PATH: searchPath(), ...command.environment },
    });
    const pid = child.pid;
    if (pid === undefined) throw new Error(`cannot start ${pinned.join(' ')}`);
    const running: Running = { name, pid, stop: () => this.#stop(child, running) };
    this.#running.add(running);
    prefer(pid);
    return running;
  }

  /** Waits until something accepts connections on `port`; throws with the log of `running` after 30 s. */
  async accepting(running: Running, port: number): Promise<void> {
    const deadlineMs = Date.now() + START_MS;
    while (!(await accepts(port))) {
      if (Date.now() > deadlineMs || !isAlive(running.pid)) {
        throw new Error(`${running.name} does not listen on ${port}:\n${this.log(running.name)}`);
      }
      await sleep(50);
    }
  }

  /** Returns the last lines that the program wrote. */
  log(name: string): string {
    return readFileSync(this.#logFile(name), 'utf8').slice(-2000);
  }

  /** Stops everything that still runs and removes the directory. */
  async close(): Promise<void> {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
    await Promise.all([...this.#running].map((each) => each.stop()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  #logFile(name: string): string {
    return join(this.directory, `${name.replace(/[^\w.-]/g, '_')}.log`);
  }

  /** SIGTERM to the tree, then SIGKILL to what is left of it after 5 s. */
  async #stop(child: ChildProcess, running: Running): Promise<void> {
    if (!this.#running.delete(running)) return;
    const tree = processTree(running.pid).map((each) => each.pid);
    const ended = tree.length === 0 || once(child);
    signal(running.pid, 'SIGTERM');
    await Promise.race([ended, sleep(STOP_MS, undefined, { ref: false })]);
    for (const pid of tree) if (isAlive(pid)) signal(pid, 'SIGKILL');
  }
}

/**
 * Gives `pid`, which leads a session of its own, precedence over other work on a shared machine: the
 * niceness in SLUICE_BENCH_NICE, e.g. -10, which needs the rights for it. Says so when it is refused.
 */
function prefer(pid: number): void {
  const niceness = process.env['SLUICE_BENCH_NICE'];
  if (niceness === undefined) return;
  try {
    setPriority(pid, Number(niceness));
    // Where the kernel groups processes by session, the niceness between groups is what counts.
    writeFileSync(`/proc/${pid}/autogroup`, niceness);
  } catch (error) {
    process.stderr.write(`SLUICE_BENCH_NICE=${niceness} has no effect: ${String(error)}\n`);
  }
}

/** Leaves out what is meant for the instruments: Sluice refuses variables that it does not know. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const isInstruments = (name: string): boolean => /^SLUICE_(?:PERF|BENCH)_/.test(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isInstruments(name)));
}

/** Returns a TCP port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function once(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Already gone, which is what was asked for.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
