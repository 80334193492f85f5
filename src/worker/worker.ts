// A worker process from boot to end, as told by the primary: stage, activate, drain. What it serves with
// is in data-plane.ts, what happens to a request in serve.ts.

import cluster from 'node:cluster';
import { randomBytes } from 'node:crypto';
import {
  type ChildToPrimary,
  type PrimaryToChild,
  parsePrimaryMessage,
} from '../channel/control.ts';
import type { Config } from '../config/schema.ts';
import { messageOf } from '../std/message-of.ts';
import { preloadTunnels } from './create-transports.ts';
import { DataPlane, type DataPlaneOptions } from './data-plane.ts';

/** How often a draining worker looks whether everything is finished. */
const DRAIN_LOOK_MS = 10;

/**
 * How long a draining worker without exchanges waits for its clients to ask once more and be told that the
 * connection closes: cutting an idle connection at once may cut a request that is on its way.
 */
const LINGER_MS = 1000;

/** A worker that has just begun to serve has better things to do. */
const PRELOAD_AFTER_MS = 2000;

/** What runs may finish for so long after the primary died; then the worker has so long to close. */
const ORPHAN_DRAIN_MS = 5000;
const ORPHAN_CLOSE_MS = 5000;

/** Runs this process as a worker until the primary drains it or is gone. */
export function runWorker(): void {
  const slot = Number(process.env['SLUICE_WORKER'] ?? 0);
  process.title = `sluice: worker ${slot}`;
  const worker = new Worker({
    slot,
    runDirectory: process.env['SLUICE_RUN_DIR'] ?? '',
    // A worker that somebody starts by hand has its own.
    secret: process.env['SLUICE_SECRET'] ?? randomBytes(32).toString('hex'),
  });
  // Signals of a terminal reach the whole group; only the primary decides when a worker ends.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('SIGUSR1', () => worker.reopenLogs());
  process.on('message', (message) => worker.receive(message));
  // node:cluster ends a worker in the moment its primary dies, unless that was the worker's own wish.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
  process.on('disconnect', () => worker.orphaned());
  send({ type: 'started', pid: process.pid });
}

class Worker {
  readonly #slot: number;
  readonly #plane: DataPlane;
  /** Settles when what the primary has said so far is done. */
  #obeyed: Promise<void> = Promise.resolve();
  #isReady = false;
  #isDraining = false;

  constructor(options: DataPlaneOptions) {
    this.#slot = options.slot;
    this.#plane = new DataPlane(options);
  }

  receive(received: unknown): void {
    const message = parsePrimaryMessage(received);
    if (message === null) return;
    if (message.type === 'ping') send({ type: 'pong', id: message.id });
    else if (message.type === 'drain') this.#drain(message.deadlineMs, 'drained');
    // One after the other: a configuration may take a moment.
    else this.#obeyed = this.#obeyed.then(() => this.#obey(message));
  }

  /** The primary is gone: nobody would restart this worker any more, or kill it when it does not end. */
  orphaned(): void {
    this.#drain(ORPHAN_DRAIN_MS, 'orphaned');
    setTimeout(() => process.exit(1), ORPHAN_DRAIN_MS + ORPHAN_CLOSE_MS).unref();
  }

  reopenLogs(): void {
    this.#plane.reopenLogs();
  }

  async #obey(message: PrimaryToChild): Promise<void> {
    if (this.#isDraining) return;
    switch (message.type) {
      case 'configure': {
        const config = message.config as Config;
        if (!this.#isReady) await this.#plane.learnSessions(config);
        await this.#stage(message.version, config);
        break;
      }
      case 'activate':
        this.#activate(message.version);
        break;
      case 'discard':
        this.#plane.discard();
        break;
    }
  }

  async #stage(version: number, config: Config): Promise<void> {
    try {
      await this.#plane.stage(config, version);
      send({ type: 'configured', version });
    } catch (error) {
      this.#plane.discard();
      const problem = messageOf(error);
      send({ type: 'refused', version, problems: [problem] });
    }
  }

  #activate(version: number): void {
    if (!this.#plane.activate(version)) return;
    send({ type: 'activated', version });
    if (this.#isReady) return;
    this.#isReady = true;
    send({ type: 'ready', slot: this.#slot, ports: this.#plane.boundListeners });
    setTimeout(preloadTunnels, PRELOAD_AFTER_MS).unref();
  }

  #drain(deadlineMs: number, reason: string): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#plane.eventLog.events.info({ reason, deadlineMs }, 'draining');
    this.#plane.drain();
    const endsAtMs = performance.now() + deadlineMs;
    let lingersUntilMs = Number.POSITIVE_INFINITY;
    const look = setInterval(() => {
      const left = this.#plane.exchangesRunning;
      const nowMs = performance.now();
      if (left > 0) lingersUntilMs = Number.POSITIVE_INFINITY;
      else lingersUntilMs = Math.min(lingersUntilMs, nowMs + LINGER_MS);
      const isIdle = left === 0 && this.#plane.connectionsOpen === 0;
      if (!isIdle && nowMs < Math.min(endsAtMs, lingersUntilMs)) return;
      clearInterval(look);
      if (left > 0) this.#plane.eventLog.events.warn({ exchanges: left }, 'cut at the deadline');
      void this.#end();
    }, DRAIN_LOOK_MS);
  }

  async #end(): Promise<void> {
    await this.#plane.close();
    if (process.connected) process.send?.({ type: 'drained' }, () => process.exit(0));
    else process.exit(0);
  }
}

function send(message: ChildToPrimary): void {
  // Without a primary there is nobody to tell.
  if (process.connected) process.send?.(message, () => {});
}
