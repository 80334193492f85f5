// The sidecar process: keeps the shared state for the workers, answers the admin address, and follows the
// primary. It may die at any moment: nothing waits for it, and a new one learns everything anew.

import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { sidecarSocketPath } from '../channel/client.ts';
import {
  type ChildToPrimary,
  type PrimaryToChild,
  parsePrimaryMessage,
} from '../channel/control.ts';
import { upstreamSpecs } from '../channel/upstream-specs.ts';
import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import { limits } from '../core/limits.ts';
import { EventLog } from '../observe/events.ts';
import { ProcessSampler } from '../observe/process-sample.ts';
import { PROMETHEUS_CONTENT_TYPE } from '../observe/prometheus.ts';
import { AdminServer, type AdminTable, json } from './admin.ts';
import { Hub } from './hub.ts';
import { MetricsPage } from './metrics-page.ts';
import { type Overview, statusReport, unreadyReasons } from './status.ts';

/** What the sidecar needs of a configuration. */
export type SidecarConfig = Pick<Config, 'cores' | 'upstreams' | 'admin' | 'log'>;

export interface SidecarOptions {
  /** Private directory for the socket; made if need be. */
  readonly runDirectory: string;
  readonly events: Events;
  /** Answers to the primary. */
  readonly send: (message: ChildToPrimary) => void;
  readonly onActivated?: (config: SidecarConfig) => void;
  /** It has drained and holds nothing open any more. */
  readonly onStopped?: () => void;
  readonly intervalMs?: number;
}

interface Version {
  readonly version: number;
  readonly config: SidecarConfig;
}

export class Sidecar {
  readonly hub: Hub;
  readonly admin: AdminServer;
  readonly #options: SidecarOptions;
  readonly #server = createServer((socket) => this.hub.accept(socket));
  readonly #sampler = new ProcessSampler('sidecar', null);
  readonly #metrics = new MetricsPage(this.#sampler);
  #staged: Version | null = null;
  #active: Version | null = null;
  #activation: Promise<void> = Promise.resolve();
  #isListening = false;
  #stopping: Promise<void> | null = null;

  constructor(options: SidecarOptions) {
    this.#options = options;
    const onLeave = this.#metrics.left.bind(this.#metrics);
    const interval = options.intervalMs === undefined ? {} : { intervalMs: options.intervalMs };
    this.hub = new Hub({ events: options.events, onLeave, ...interval });
    this.admin = new AdminServer(this.#adminTable(), options.events);
  }

  get overview(): Overview {
    return {
      version: this.#active?.version ?? -1,
      cores: this.#active?.config.cores ?? 0,
      draining: this.#stopping !== null,
      workers: this.hub.workers,
    };
  }

  /** Obeys the primary. */
  async receive(message: PrimaryToChild<SidecarConfig>): Promise<void> {
    switch (message.type) {
      case 'configure':
        this.#stage(message.version, message.config);
        return;
      case 'activate':
        // One after the other: moving the admin address takes a while.
        this.#activation = this.#activation.then(() => this.#activate(message.version));
        await this.#activation;
        return;
      case 'discard':
        if (this.#staged?.version === message.version) this.#staged = null;
        return;
      case 'ping':
        this.#options.send({ type: 'pong', id: message.id });
        return;
      case 'drain':
        await this.stop();
        this.#options.send({ type: 'drained' });
        this.#options.onStopped?.();
        return;
    }
  }

  /** Says goodbye to the workers and closes everything; in-flight admin requests get half a second. */
  stop(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  #stage(version: number, config: SidecarConfig): void {
    const peers = Object.values(config.upstreams).flatMap((upstream) => upstream.peers);
    if (peers.length > limits.linkPeersMax) {
      const problem = `${peers.length} peers are more than the ${limits.linkPeersMax} that can be shared`;
      this.#options.send({ type: 'refused', version, problems: [problem] });
      return;
    }
    this.#staged = { version, config };
    this.#options.send({ type: 'configured', version });
  }

  /** Workers are let in only now, so that what they tell meets a configuration. */
  async #activate(version: number): Promise<void> {
    const next = this.#staged?.version === version ? this.#staged : this.#active;
    if (next?.version !== version) return;
    const isFirst = this.#active === null;
    this.#active = next;
    this.#staged = null;
    this.hub.install(upstreamSpecs(next.config.upstreams));
    this.#options.onActivated?.(next.config);
    if (isFirst) await this.#listen();
    await this.admin.follow(next.config.admin);
    this.#options.send({ type: 'activated', version });
    if (!isFirst) return;
    const port = this.admin.port;
    const ports = port === null ? [] : [{ name: 'admin', port }];
    this.#options.send({ type: 'ready', slot: null, ports });
  }

  /** The socket of a sidecar that was killed is still there: the directory is private, so it is ours. */
  #listen(): Promise<void> {
    mkdirSync(this.#options.runDirectory, { recursive: true, mode: 0o700 });
    const path = sidecarSocketPath(this.#options.runDirectory);
    rmSync(path, { force: true });
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, () => {
        this.#isListening = true;
        resolve();
      });
    });
  }

  async #close(): Promise<void> {
    await this.#activation.catch(() => {});
    this.#sampler.stop();
    this.hub.close();
    await Promise.all([
      this.admin.close(),
      this.#isListening ? new Promise((resolve) => this.#server.close(resolve)) : null,
    ]);
  }

  #adminTable(): AdminTable {
    return {
      // Alive: this process answers and at least one worker does too. A new sidecar is not for the
      // fraction of a second until the workers have linked again.
      '/healthz': () => {
        const linked = this.hub.workers.length;
        return json(linked > 0 ? 200 : 503, { status: linked > 0 ? 'ok' : 'no worker', linked });
      },
      '/readyz': () => {
        const reasons = unreadyReasons(this.overview);
        const isReady = reasons.length === 0;
        return json(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', reasons });
      },
      '/metrics': async () => ({
        status: 200,
        contentType: PROMETHEUS_CONTENT_TYPE,
        body: this.#metrics.render(await this.hub.scrape(), this.hub.counters),
      }),
      '/api/status': () =>
        json(200, statusReport(this.overview, this.hub.peers, this.hub.counters)),
    };
  }
}

/** Runs the sidecar in this process: the role `sidecar` of src/main.ts. */
export function runSidecar(own: NodeJS.Process): void {
  own.title = 'sluice: sidecar';
  const log = new EventLog({ level: 'info', role: 'sidecar', worker: null });
  const exit = () => {
    void log.close().then(() => own.exit(0));
  };
  const sidecar = new Sidecar({
    runDirectory: own.env['SLUICE_RUN_DIR'] ?? '',
    events: log.events,
    send: (message) => {
      if (own.connected) own.send?.(message, () => {});
    },
    onActivated: (config) => log.setLevel(config.log.level),
    onStopped: exit,
  });
  // A terminal or a service manager signals the whole group: the primary decides what comes of it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) own.on(signal, () => {});
  own.on('message', (value) => {
    const message = parsePrimaryMessage(value);
    if (message === null) return;
    sidecar.receive(message as PrimaryToChild<SidecarConfig>).catch((error: unknown) => {
      own.send?.({ type: 'fatal', message: String(error) } satisfies ChildToPrimary, () => {
        own.exit(1);
      });
    });
  });
  own.on('disconnect', () => void sidecar.stop().then(exit));
  own.send?.({ type: 'started', pid: own.pid } satisfies ChildToPrimary);
}
