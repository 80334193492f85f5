// Everything that tells a running proxy to end: signals, the death of its launcher, the death of npm.

import { constants } from 'node:os';
import type { Events } from '../core/events.ts';
import type { Cancel, Timers } from '../std/timers.ts';
import type { Fleet } from './fleet.ts';
import type { Reloader } from './reload.ts';

/**
 * The same signal again so soon is the same wish: Ctrl-C under npm arrives from the terminal and once
 * more from npm.
 */
const ECHO_MS = 250;
const PARENT_POLL_MS = 1000;

export interface EndingOptions {
  readonly fleet: Pick<Fleet, 'active' | 'drain' | 'stop'>;
  readonly reloader: Pick<Reloader, 'request' | 'close'>;
  readonly timers: Timers;
  readonly events: Events;
}

/** Listens from creation until `stopListening`, and turns what it hears into drain, stop or reload. */
export class Ending {
  /** Settles with the exit code when every child is gone: 0 drained, 128+n cut by a second signal. */
  readonly code: Promise<number>;
  readonly #options: EndingOptions;
  readonly #handlers: Readonly<Record<string, () => void>>;
  #hasBegun = false;
  #first: { readonly signal: string; readonly atMs: number } | null = null;
  #cancelPoll: Cancel = () => {};
  #finish: (code: number) => void = () => {};

  constructor(options: EndingOptions) {
    this.#options = options;
    this.code = new Promise((resolve) => {
      this.#finish = resolve;
    });
    this.#handlers = {
      SIGTERM: () => this.#onSignal('SIGTERM'),
      SIGINT: () => this.#onSignal('SIGINT'),
      SIGHUP: () => void options.reloader.request('SIGHUP'),
      SIGUSR2: () => options.events.info({}, 'SIGUSR2 has no meaning here'),
      // The IPC channel of a launcher: closed by its death, even by SIGKILL.
      disconnect: () => this.#drain('the launcher is gone'),
    };
    for (const [name, handler] of Object.entries(this.#handlers)) process.on(name, handler);
    if (process.env['npm_lifecycle_event'] !== undefined) this.#watchParent(process.ppid);
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  stopListening(): void {
    this.#cancelPoll();
    for (const [name, handler] of Object.entries(this.#handlers)) process.off(name, handler);
  }

  #onSignal(signal: 'SIGTERM' | 'SIGINT'): void {
    const nowMs = this.#options.timers.nowMs();
    if (this.#first?.signal === signal && nowMs - this.#first.atMs < ECHO_MS) return;
    this.#first ??= { signal, atMs: nowMs };
    if (!this.#hasBegun) {
      this.#drain(signal);
      return;
    }
    this.#options.events.warn({ signal }, 'second signal: ending at once');
    this.#options.fleet.stop();
    this.#finish(128 + constants.signals[signal]);
  }

  #drain(cause: string): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const { fleet, reloader, events } = this.#options;
    reloader.close();
    const { drainMs } = fleet.active.config.timeouts;
    events.info({ cause, drainMs }, 'draining');
    fleet.drain(drainMs).then(
      () => this.#finish(0),
      () => this.#finish(1),
    );
  }

  // npm hands SIGTERM to the shell between us, which dies of it and tells nobody.
  #watchParent(parent: number): void {
    this.#cancelPoll = this.#options.timers.after(PARENT_POLL_MS, () => {
      if (process.ppid === parent) this.#watchParent(parent);
      else this.#drain('npm is gone');
    });
  }
}
