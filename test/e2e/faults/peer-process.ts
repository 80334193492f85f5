// A peer that can be killed, frozen and started again: the backend process, held from the test.

import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Cleanup, until } from '../../support/deadline.ts';
import { freePort } from '../../support/free-port.ts';
import type { Conduct, Deeds, News, Order } from './backend.ts';

const BACKEND = fileURLToPath(new URL('backend.ts', import.meta.url));

export interface PeerOptions {
  readonly host?: string;
  readonly port?: number;
  readonly backlog?: number;
}

/** Starts a peer for each of `names`, all at once. */
export function startPeers(
  context: Cleanup,
  names: readonly string[],
  options: PeerOptions = {},
): Promise<PeerProcess[]> {
  return Promise.all(
    names.map(async (name) => {
      const port = options.port ?? (await freePort());
      const peer = new PeerProcess(name, { host: '127.0.0.1', backlog: 511, ...options, port });
      context.after(() => peer.kill());
      await peer.start();
      return peer;
    }),
  );
}

export class PeerProcess {
  readonly name: string;
  readonly url: string;
  readonly #options: Required<PeerOptions>;
  #process: ChildProcess | null = null;
  #answers = new Map<number, Deeds>();
  #asked = 0;

  constructor(name: string, options: Required<PeerOptions>) {
    this.name = name;
    this.url = `http://${options.host}:${options.port}`;
    this.#options = options;
  }

  get port(): number {
    return this.#options.port;
  }

  /** Starts it, again too, on the same port, behaving well; returns once it listens. */
  async start(): Promise<void> {
    const { host, port, backlog } = this.#options;
    const args = [this.name, host, String(port), String(backlog)];
    const child = fork(BACKEND, args, {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let isListening = false;
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('message', (news: News) => {
      if (news === 'listening') isListening = true;
      else this.#answers.set(news.answer, news.deeds);
    });
    child.unref();
    if (child.stderr instanceof Socket) child.stderr.unref();
    child.channel?.unref();
    this.#process = child;
    const evidence = () => errors;
    await until(() => isListening, { what: `${this.name} listens`, deadlineMs: 20_000, evidence });
  }

  /** From now on it does this with every request. */
  behave(conduct: Conduct): void {
    this.#send({ conduct });
  }

  /** What it has done with requests since it was started. */
  async deeds(): Promise<Deeds> {
    this.#asked += 1;
    const ask = this.#asked;
    this.#send({ ask });
    await until(() => this.#answers.has(ask), { what: `${this.name} tells its deeds` });
    return this.#answers.get(ask) as Deeds;
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Kills it and waits until it is gone. Idempotent. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === null) return;
    child.kill('SIGKILL');
    await until(() => child.exitCode !== null || child.signalCode !== null, {
      what: `${this.name} is gone`,
    });
    this.#process = null;
  }

  #send(order: Order): void {
    this.#process?.send(order);
  }
}
