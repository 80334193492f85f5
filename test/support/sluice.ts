// The real proxy as a child process: `node src/main.ts run CONFIG` on free ports, waited for until it is
// ready, watched, reloaded, and always ended.

import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import { type Cleanup, DEADLINE_MS, until } from './deadline.ts';
import { freePort } from './free-port.ts';
import { childrenOf, isAlive, killTree, roleOf } from './process-tree.ts';
import { createTempDir } from './temp-dir.ts';

const UNCHANGED = 'configuration is unchanged';
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export type Engine = 'uws' | 'node';
let engine: Engine = 'uws';

/** Which engine the listeners have that are filled in, for all tests of this process. */
export function useEngine(name: Engine): void {
  engine = name;
}

/** The engine of listeners that are filled in. */
export function engineUnderTest(): Engine {
  return engine;
}

/**
 * A configuration in the shape of a file; listener and admin address are filled in when left out. So is that
 * nothing is refused because the machine is busy: workers that get no processor time are late, too.
 */
export type ConfigFile = Readonly<Record<string, unknown>>;

export interface SluiceOptions {
  readonly context?: Cleanup;
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments after `run CONFIG`. */
  readonly args?: readonly string[];
  /** false: return as soon as the process runs. */
  readonly isReadyAwaited?: boolean;
  readonly readyDeadlineMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface AdminAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** Starts a proxy with `config`; rejects with the process's output when it does not become ready. */
export async function startSluice(
  config: ConfigFile,
  options: SluiceOptions = {},
): Promise<Sluice> {
  const ports = { port: await freePort(), adminPort: await freePort() };
  const sluice = new Sluice(config, ports, options);
  options.context?.after(() => sluice.kill());
  if (options.isReadyAwaited === false) return sluice;
  try {
    await sluice.untilReady(options.readyDeadlineMs);
  } catch (error) {
    await sluice.kill();
    throw error;
  }
  return sluice;
}

export class Sluice {
  readonly port: number;
  readonly adminPort: number;
  readonly configFile: string;
  readonly process: ChildProcess;
  /** Set when the process ended. */
  exit: Exit | null = null;
  #stdout = '';
  #stderr = '';
  readonly #removeFiles: () => void;

  constructor(
    config: ConfigFile,
    ports: { readonly port: number; readonly adminPort: number },
    options: SluiceOptions,
  ) {
    this.port = ports.port;
    this.adminPort = ports.adminPort;
    const folder = createTempDir();
    this.#removeFiles = () => folder.remove();
    this.configFile = folder.file('sluice.json');
    this.writeConfig(config);
    const args = [MAIN, 'run', this.configFile, ...(options.args ?? [])];
    this.process = spawn(process.execPath, args, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#watch();
  }

  get pid(): number {
    return this.process.pid ?? -1;
  }

  /** Base URL of the first listener. */
  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  stdout(): string {
    return this.#stdout;
  }

  stderr(): string {
    return this.#stderr;
  }

  /** Complete access log lines so far (accessFile `-`). */
  logLines(): string[] {
    return this.#stdout.split('\n').slice(0, -1);
  }

  /** Complete structured events so far; lines that are no JSON come as `{ msg }`. */
  events(): Record<string, unknown>[] {
    return this.#stderr.split('\n').slice(0, -1).filter(Boolean).map(parseEvent);
  }

  /** Waits until an event passes `matches`, e.g. `(event) => event.msg === 'reloaded'`. */
  async untilEvent(
    matches: (event: Record<string, unknown>) => boolean,
    what: string,
    deadlineMs = DEADLINE_MS,
  ): Promise<Record<string, unknown>> {
    const find = () => this.events().find(matches);
    await until(() => find() !== undefined, { what, deadlineMs, evidence: () => this.output() });
    return find() as Record<string, unknown>;
  }

  /** Pids of the workers that run now. */
  workers(): number[] {
    return childrenOf(this.pid).filter((pid) => roleOf(pid) === 'worker');
  }

  /** Pid of the sidecar, or null while there is none. */
  sidecar(): number | null {
    return childrenOf(this.pid).find((pid) => roleOf(pid) === 'sidecar') ?? null;
  }

  /** Asks the admin address. */
  admin(path: string, method = 'GET'): Promise<AdminAnswer> {
    return askHttp(this.adminPort, path, method);
  }

  /** Waits until `/readyz` answers 200. */
  async untilReady(deadlineMs = 2 * DEADLINE_MS): Promise<void> {
    await until(() => this.#isReadyOrGone(), {
      what: `/readyz answers 200 on port ${this.adminPort}`,
      deadlineMs,
      evidence: () => this.output(),
    });
    if (this.exit !== null)
      throw new Error(`the proxy ended before it was ready\n${this.output()}`);
  }

  /** Writes the file anew (atomically), filling in the addresses, and signals nobody. */
  writeConfig(config: ConfigFile): void {
    const complete = {
      listeners: [{ host: '127.0.0.1', port: this.port, engine }],
      overload: { enabled: false },
      ...config,
      admin: {
        host: '127.0.0.1',
        port: this.adminPort,
        ...(config['admin'] as object | undefined),
      },
    };
    writeFileSync(`${this.configFile}.new`, JSON.stringify(complete, null, 2));
    renameSync(`${this.configFile}.new`, this.configFile);
  }

  /**
   * Writes the file anew, sends SIGHUP and waits until the primary says what came of it. Returns that
   * event: `msg` tells whether the new configuration is live, refused or unchanged (needs log level info).
   */
  async reload(config: ConfigFile, deadlineMs = DEADLINE_MS): Promise<Record<string, unknown>> {
    const before = this.events().length;
    this.writeConfig(config);
    this.signal('SIGHUP');
    // The watch of the file and the signal both report, and whoever is second finds nothing changed. The
    // answer to the signal is always waited for, so that it isn't taken for that of the next reload.
    const find = () => {
      const outcomes = this.events().slice(before).filter(isReloadOutcome);
      const answer = outcomes.find(({ cause }) => String(cause).includes('SIGHUP'));
      return answer && (outcomes.find(({ msg }) => msg !== UNCHANGED) ?? answer);
    };
    await until(() => find() !== undefined, {
      what: 'the primary says what came of the reload',
      deadlineMs,
      evidence: () => this.output(),
    });
    return find() as Record<string, unknown>;
  }

  signal(name: NodeJS.Signals): void {
    this.process.kill(name);
  }

  /** Waits until the primary has ended and its output is complete. */
  async untilExit(deadlineMs = DEADLINE_MS): Promise<Exit> {
    await until(() => this.exit !== null, {
      what: 'the proxy ends',
      deadlineMs,
      evidence: () => this.output(),
    });
    return this.exit as Exit;
  }

  /** Drains by SIGTERM and waits for the end; kills everything when the deadline passes. */
  async stop(deadlineMs = DEADLINE_MS): Promise<Exit> {
    if (this.exit === null) this.signal('SIGTERM');
    try {
      return await this.untilExit(deadlineMs);
    } finally {
      await this.kill();
    }
  }

  /** Kills the whole tree at once and removes the files. Idempotent. */
  async kill(): Promise<void> {
    if (this.exit === null) {
      const pids = killTree(this.pid);
      await until(() => this.exit !== null && !pids.some(isAlive), { what: 'the proxy is gone' });
    }
    this.#removeFiles();
  }

  /** All output so far, for error messages. */
  output(): string {
    const state = this.exit === null ? 'running' : JSON.stringify(this.exit);
    return `--- sluice ${this.pid} (${state}) stdout\n${tail(this.#stdout)}\n--- stderr\n${tail(this.#stderr)}`;
  }

  async #isReadyOrGone(): Promise<boolean> {
    if (this.exit !== null) return true;
    try {
      return (await this.admin('/readyz')).status === 200;
    } catch {
      return false;
    }
  }

  #watch(): void {
    const { stdout, stderr } = this.process;
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    const killNow = () => killTree(this.pid);
    process.once('exit', killNow);
    this.process.once('close', (code, signal) => {
      this.exit = { code, signal };
      process.removeListener('exit', killNow);
    });
    this.process.once('error', (error) => {
      this.#stderr += `spawn failed: ${error.message}\n`;
      this.exit = { code: null, signal: null };
    });
  }
}

/** One plain HTTP request to 127.0.0.1 on a connection of its own. */
export function askHttp(port: number, path: string, method = 'GET'): Promise<AdminAnswer> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest(
      { port, path, method, host: '127.0.0.1', agent: false, timeout: 15_000 },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
        });
        answer.on('error', reject);
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
        );
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`no answer to ${path}`)));
    asked.on('error', reject);
    asked.end();
  });
}

function isReloadOutcome(event: Record<string, unknown>): boolean {
  return (
    event['role'] === 'primary' &&
    (event['msg'] === UNCHANGED ||
      /^new configuration is (?:live|refused)/.test(String(event['msg'])))
  );
}

function parseEvent(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return { msg: line };
  }
}

function tail(text: string): string {
  return text.length > 8000 ? `…${text.slice(-8000)}` : text;
}
