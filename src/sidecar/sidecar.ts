// The sidecar process: keeps the shared state for the workers, answers the admin address, and follows the
// primary. It may die at any moment: nothing waits for it, and a new one learns everything anew.

import { mkdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { sidecarSocketPath } from '../channel/client.ts';
import {
  type ChildToPrimary,
  type PrimaryToChild,
  parsePrimaryMessage,
} from '../channel/control.ts';
import { stickSpecs } from '../channel/stick-specs.ts';
import { upstreamSpecs } from '../channel/upstream-specs.ts';
import { type LivePeer, originOfPeer, type PeerSettings } from '../config/live-peer.ts';
import type { Config } from '../config/schema.ts';
import type { Events } from '../core/events.ts';
import { limits } from '../core/limits.ts';
import { EventLog } from '../observe/events.ts';
import { ProcessSampler } from '../observe/process-sample.ts';
import { messageOf } from '../std/message-of.ts';
import { systemTimers } from '../std/timers.ts';
import { AdminServer } from './admin.ts';
import type { AdminRoute } from './admin-routes.ts';
import { createCacheRoutes } from './api/cache-routes.ts';
import { createCertificateRoutes } from './api/certificate-routes.ts';
import { createPeerRoutes } from './api/peer-routes.ts';
import { DiskKeeper } from './cache/disk-keeper.ts';
import { OwnCertificates } from './certificates/own-certificates.ts';
import { type CheckTarget, checkTargets } from './checks/check-target.ts';
import { Checker } from './checks/checker.ts';
import { Discovery } from './discovery/discovery.ts';
import { Hub, type HubOptions } from './hub.ts';
import { MetricsPage } from './metrics-page.ts';
import { PrimaryRequests } from './primary-requests.ts';
import { createProbeRoutes } from './probe-routes.ts';
import { type Overview, unreadyReasons } from './status.ts';

/** Longest wait for the disk of the cache when a configuration becomes live. */
const diskMs = 2000;

type Needed =
  | 'cores'
  | 'listeners'
  | 'certificates'
  | 'upstreams'
  | 'routes'
  | 'cache'
  | 'admin'
  | 'log';

/** What the sidecar needs of a configuration. */
export type SidecarConfig = Pick<Config, Needed>;

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
  readonly targets: readonly CheckTarget[];
}

export class Sidecar {
  readonly hub: Hub;
  readonly admin: AdminServer;
  readonly #options: SidecarOptions;
  readonly #server = createServer((socket) => this.hub.accept(socket));
  readonly #sampler = new ProcessSampler('sidecar', null);
  readonly #metrics = new MetricsPage(this.#sampler);
  readonly #checker = new Checker({
    onOutcome: (id, outcome) => this.hub.checked(id, outcome),
    isUnsettled: (id) => this.hub.isUnsettled(id),
  });
  readonly #disk: DiskKeeper;
  readonly #requests: PrimaryRequests;
  readonly #discovery: Discovery;
  readonly #certificates: OwnCertificates;
  #staged: Version | null = null;
  #active: Version | null = null;
  #activation: Promise<void> = Promise.resolve();
  #isListening = false;
  #stopping: Promise<void> | null = null;

  constructor(options: SidecarOptions) {
    this.#options = options;
    const onLeave: HubOptions['onLeave'] = ({ generation }) => this.#metrics.left(generation);
    const interval = options.intervalMs === undefined ? {} : { intervalMs: options.intervalMs };
    const { events } = options;
    this.#disk = new DiskKeeper(events, () => this.hub.cache.purges);
    const keepPurges = this.#disk.keep.bind(this.#disk);
    const workersWanted = () => this.#active?.config.cores ?? 0;
    const onWanted: HubOptions['onWanted'] = (listener, name) => {
      return this.#certificates.demand(listener, name);
    };
    this.hub = new Hub({ events, onLeave, workersWanted, keepPurges, onWanted, ...interval });
    this.#certificates = new OwnCertificates({
      events,
      isServed: () => unreadyReasons(this.overview).length === 0,
    });
    this.#requests = new PrimaryRequests(options.send);
    this.#discovery = new Discovery({
      timers: systemTimers,
      events: options.events,
      onPeers: (upstream, peers) => this.#found(upstream, peers),
      hasPeers: (upstream) => this.#hasPeersFromDns(upstream),
    });
    this.admin = new AdminServer(this.#adminRoutes(), options.events);
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
      case 'answer':
        this.#requests.answer(message.id, message.outcome);
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
    try {
      // Now: workers that stage this configuration wait for them.
      this.#certificates.prepare(config);
      this.#staged = { version, config, targets: checkTargets(config.upstreams) };
      this.#options.send({ type: 'configured', version });
    } catch (error) {
      const problem = messageOf(error);
      this.#options.send({ type: 'refused', version, problems: [problem] });
    }
  }

  /** Workers are let in only now, so that what they tell meets a configuration. */
  async #activate(version: number): Promise<void> {
    const next = this.#staged?.version === version ? this.#staged : this.#active;
    if (next?.version !== version) return;
    const isFirst = this.#active === null;
    this.#active = next;
    this.#staged = null;
    const { upstreams } = next.config;
    this.hub.install(upstreamSpecs(upstreams), stickSpecs(upstreams));
    this.#checker.follow(next.targets);
    this.#discovery.follow(upstreams);
    this.#certificates.follow(next.config);
    this.#options.onActivated?.(next.config);
    // Before workers are let in: they are to learn what was purged on that disk, unless it hangs.
    const disk = this.#disk.follow(isCached(next.config) ? next.config.cache.disk : null);
    await Promise.race([disk, delay(diskMs, null, { ref: false })]);
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
    this.#checker.stop();
    this.#discovery.close();
    this.#requests.close();
    this.hub.close();
    await Promise.all([
      this.admin.close(),
      this.#disk.close(),
      this.#certificates.close(),
      this.#isListening ? new Promise((resolve) => this.#server.close(resolve)) : null,
    ]);
  }

  #adminRoutes(): AdminRoute[] {
    const { hub } = this;
    const metrics = this.#metrics;
    return [
      ...createProbeRoutes({
        hub,
        metrics,
        overview: () => this.overview,
        certificates: () => this.#certificates.acme,
      }),
      ...createCertificateRoutes(() => this.#certificates.acme),
      ...createCacheRoutes({ desk: () => hub.cache, disk: () => this.#disk.report }),
      ...createPeerRoutes({
        requests: this.#requests,
        peersOf: (name) => this.#active?.config.upstreams[name]?.peers ?? [],
        look: async () => ({
          metrics: metrics.merge(await hub.scrape()),
          version: this.overview.version,
          config: this.#active?.config ?? { upstreams: {}, routes: [] },
          peers: hub.peers,
          upstreams: hub.upstreams,
          dnsStateOf: (name) => this.#discovery.stateOf(name),
        }),
      }),
    ];
  }

  /** Tells the primary about peers that DNS named; true unless it could not use them this time. */
  async #found(upstream: string, peers: readonly PeerSettings[]): Promise<boolean> {
    const change = { kind: 'found', source: 'dns', peers } as const;
    const outcome = await this.#requests.changePeers(upstream, change, null);
    return outcome.kind !== 'failed';
  }

  #hasPeersFromDns(upstream: string): boolean {
    const peers: readonly LivePeer[] = this.#active?.config.upstreams[upstream]?.peers ?? [];
    return peers.some((peer) => originOfPeer(peer) === 'dns');
  }
}

function isCached({ routes }: SidecarConfig): boolean {
  return routes.some((route) => route.cache !== null);
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
