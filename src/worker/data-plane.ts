// Everything that one worker serves with, wired together: server, listeners, transports, the link to the
// sidecar, log and metrics. The order of a configuration's installation is decided here.

import { setTimeout as delay } from 'node:timers/promises';
import { SidecarLink } from '../channel/client.ts';
import type { BoundListener } from '../channel/control.ts';
import { metricsBytesMax } from '../channel/messages.ts';
import { stickSpecs } from '../channel/stick-specs.ts';
import { StickTables } from '../channel/stick-tables.ts';
import { upstreamSpecs } from '../channel/upstream-specs.ts';
import type { Config } from '../config/schema.ts';
import type { Exchange } from '../core/exchange.ts';
import { type AccessLog, createAccessLog } from '../observe/access-log.ts';
import { compressionReadings } from '../observe/compression-readings.ts';
import { EventLog } from '../observe/events.ts';
import { checkLogFile } from '../observe/log-output.ts';
import { Metrics } from '../observe/metrics.ts';
import { encodeSnapshot, type WorkerReadings } from '../observe/metrics-snapshot.ts';
import { ProcessSampler } from '../observe/process-sample.ts';
import { RequestIdSource } from '../observe/request-id.ts';
import { createHostClock } from '../std/host-clock.ts';
import { Caches } from './caches.ts';
import { CertificateDemands } from './certificate-demands.ts';
import type { SessionParts } from './compile-session.ts';
import { Compression } from './compress/compression.ts';
import { createTransports } from './create-transports.ts';
import type { GuardCounters } from './filter/guard/attack-filter.ts';
import { Spending } from './filter/limit/spending.ts';
import type { ForwardContext } from './forward.ts';
import { KeptParts } from './kept.ts';
import { ListenerSet } from './listeners.ts';
import { Mirrors } from './mirror.ts';
import { OffloadPool } from './offload/offload-pool.ts';
import { Overload } from './overload.ts';
import { ownExchanges } from './own-exchanges.ts';
import { PeerRegistry } from './peers.ts';
import { Plugins } from './plugins.ts';
import { Queues } from './queues.ts';
import { Server } from './serve.ts';
import { compileSnapshot, type Snapshot } from './snapshot.ts';
import { TransportRegistry } from './transports.ts';
import { TunnelRegistry } from './tunnel/tunnel-registry.ts';
import { Upkeep } from './upkeep.ts';

/** Longest wait of a new worker for the sessions of the others, and how often it looks. */
const LEARN_MS = 1000;
const LEARN_LOOK_MS = 5;

/** Share of its own moves that a worker supposes each other one to have made since the last report. */
const ANTICIPATED_SHARE = 0.5;

/** The close code of a server that goes away (RFC 6455 section 7.4.1). */
const GOING_AWAY = 1001;

export interface DataPlaneOptions {
  /** Of this worker. */
  readonly slot: number;
  /** Private directory with the socket of the sidecar. */
  readonly runDirectory: string;
  /** Made by the primary at its start, the same in all workers. */
  readonly secret: string;
}

export class DataPlane {
  readonly eventLog: EventLog;
  readonly #slot: number;
  readonly #peers = new PeerRegistry();
  readonly #tunnels = new TunnelRegistry();
  readonly #transports: TransportRegistry;
  readonly #kept = new KeptParts();
  readonly #offload = new OffloadPool();
  /** For what nobody waits for. */
  readonly #spare = new OffloadPool();
  /** For what others are not to wait for. */
  readonly #alone = new OffloadPool();
  readonly #plugins: Plugins;
  readonly #compression = new Compression({
    offload: this.#offload,
    spare: this.#spare,
    alone: this.#alone,
  });
  readonly #queues = new Queues();
  readonly #sessions: SessionParts;
  readonly #demands = new CertificateDemands((message) => this.#link.sendWanted(message));
  readonly #upkeep = new Upkeep(this.#queues);
  readonly #spending: Spending;
  readonly #mirrors: Mirrors;
  readonly #metrics = new Metrics();
  readonly #sampler: ProcessSampler;
  readonly #link: SidecarLink;
  readonly #context: ForwardContext;
  readonly #caches: Caches;
  readonly #guard: GuardCounters = { bodiesCut: 0 };
  readonly #overload: Overload;
  readonly #server: Server;
  readonly #listeners: ListenerSet;
  readonly #recorder: { wantsAddress: boolean };
  #accessLog: AccessLog | null = null;
  #logDropsBefore = 0;
  #active: Snapshot | null = null;
  #staged: Snapshot | null = null;

  constructor({ slot, runDirectory, secret }: DataPlaneOptions) {
    this.#slot = slot;
    this.#sessions = { tables: new StickTables(createHostClock()), secret };
    this.eventLog = new EventLog({ level: 'info', role: 'worker', worker: slot });
    this.#transports = new TransportRegistry(createTransports(this.#tunnels, this.eventLog.events));
    this.#plugins = new Plugins(this.eventLog.events);
    this.#sampler = new ProcessSampler('worker', slot);
    this.#link = new SidecarLink({
      runDirectory,
      slot,
      sessions: this.#sessions.tables,
      onScrape: () => this.#encodeMetrics(),
      onSpent: (records) => this.#spending.receive(records),
      onCache: (message) => this.#caches.receive(message),
      onCertificate: (answer) => this.#demands.receive(answer),
      onConnectedChange: (connected) => this.#linkChanged(connected),
    });
    this.#spending = new Spending({
      send: (records) => this.#link.sendSpent(records),
      nowMs: () => performance.now(),
    });
    this.#mirrors = new Mirrors(this.#link, Math.random);
    this.#context = {
      exchangesRunning: 0,
      hedges: 0,
      hedgesWon: 0,
      retries: 0,
      peers: this.#link,
      mirrors: this.#mirrors,
      random: Math.random,
    };
    this.#caches = new Caches({
      send: (message) => this.#link.sendCache(message),
      events: this.eventLog.events,
      runDirectory,
      context: this.#context,
      onStored: (row, bytes) => this.#metrics.cache.recordStored(row, bytes),
    });
    const recorder = {
      wantsAddress: true,
      record: (exchange: Exchange, ms: number) => this.#record(exchange, ms),
    };
    this.#recorder = recorder;
    this.#overload = new Overload({
      events: this.eventLog.events,
      inFlight: () => this.#context.exchangesRunning,
    });
    this.#server = new Server({
      context: this.#context,
      ids: new RequestIdSource(),
      recorder,
      overload: this.#overload,
    });
    this.#listeners = new ListenerSet({
      server: this.#server,
      events: this.eventLog.events,
      secret,
      demands: this.#demands,
      // One worker tells what all of them see.
      tells: slot === 0,
    });
  }

  /**
   * Waits, though not for long, until this worker knows the sessions that the others know: a client that
   * came before would be sent elsewhere, and stay there.
   */
  async learnSessions({ upstreams }: Config): Promise<void> {
    const { tables } = this.#sessions;
    tables.install(stickSpecs(upstreams));
    const endsAtMs = performance.now() + LEARN_MS;
    while (!tables.isComplete && performance.now() < endsAtMs) await delay(LEARN_LOOK_MS);
  }

  /** Compiles a configuration and opens its listeners. Throws an Error that says what can't be done. */
  async stage(config: Config, version: number): Promise<void> {
    this.discard();
    const { access, accessFile } = config.log;
    if (access !== 'off' && accessFile !== '-') checkLogFile(accessFile);
    const plugins = await this.#plugins.stage(config);
    this.#staged = compileSnapshot(config, version, {
      peers: this.#peers,
      transports: this.#transports,
      queues: this.#queues,
      sessions: this.#sessions,
      routeIndexOf: (route) => this.#metrics.routeIndex(route),
      slot: this.#slot,
      kept: this.#kept,
      events: this.eventLog.events,
      offload: this.#offload,
      compression: this.#compression,
      caches: this.#caches,
      plugins,
      exchanges: ownExchanges(this.#context),
      guard: this.#guard,
      rateLimits: { spending: this.#spending, secret: this.#sessions.secret },
    });
    // The very first snapshot must be there before its listeners, later ones only when activated.
    if (this.#active === null) this.#server.install(this.#staged);
    await this.#caches.opened();
    await this.#listeners.stage(config);
  }

  /** Makes the staged configuration live; false when that version is not staged. */
  activate(version: number): boolean {
    const snapshot = this.#staged;
    if (snapshot === null || snapshot.version !== version) return false;
    const { config, peers } = snapshot;
    this.#staged = null;
    this.#configureLogs(config);
    this.#link.install(upstreamSpecs(config.upstreams), peers, config.cores);
    for (const { group } of peers) group.anticipation = ANTICIPATED_SHARE * (config.cores - 1);
    this.#sessions.tables.install(stickSpecs(config.upstreams));
    this.#upkeep.install(snapshot);
    this.#configureOffload(config);
    this.#overload.configure(config);
    this.#server.install(snapshot);
    this.#transports.settle();
    this.#kept.settle();
    this.#plugins.settle();
    this.#listeners.activate(config);
    this.#peers.keepOnly(peers);
    this.#active = snapshot;
    this.#link.setStatus(version, false);
    return true;
  }

  /** Gives up what is staged, or what there is of it. */
  discard(): void {
    this.#staged = null;
    this.#plugins.discard();
    this.#listeners.discard();
    this.#transports.discard();
    this.#kept.discard();
  }

  get boundListeners(): BoundListener[] {
    return this.#active === null ? [] : this.#listeners.bound(this.#active.config);
  }

  get exchangesRunning(): number {
    return this.#server.exchangesRunning;
  }

  get connectionsOpen(): number {
    return this.#listeners.connectionsOpen;
  }

  /** Takes no new work; what runs goes on. WebSockets are told to come back elsewhere. */
  drain(): void {
    this.#link.setStatus(this.#active?.version ?? 0, true);
    this.#listeners.drain();
    this.#tunnels.closeAll(GOING_AWAY);
  }

  /** Cuts what still runs, and writes what waits in the logs. */
  async close(): Promise<void> {
    this.#listeners.closeAll();
    this.#link.close();
    this.#upkeep.close();
    this.#overload.close();
    this.#spending.close();
    this.#kept.closeAll();
    this.#plugins.close();
    this.#compression.background.close();
    this.#caches.close();
    await Promise.all([
      this.#offload.close(),
      this.#spare.close(),
      this.#alone.close(),
      this.#accessLog?.close(),
      this.eventLog.close(),
    ]);
  }

  reopenLogs(): void {
    this.#accessLog?.reopen();
  }

  #record(exchange: Exchange, durationMs: number): void {
    this.#metrics.record(exchange, durationMs);
    if (this.#accessLog !== null) this.#accessLog.record(exchange, durationMs);
  }

  #configureOffload({ offload }: Config): void {
    const { threads, queueMax, backgroundPercent } = offload;
    this.#offload.configure({ threads, queueMax });
    this.#spare.configure({ threads: backgroundPercent === 0 ? 0 : 1, queueMax: 0 });
    this.#alone.configure({ threads: threads === 0 ? 0 : 1, queueMax: 0 });
    this.#compression.background.configure(backgroundPercent / 100);
  }

  #configureLogs(config: Config): void {
    this.eventLog.setLevel(config.log.level);
    this.#recorder.wantsAddress = config.log.access !== 'off';
    const before = this.#active?.config.log;
    if (before?.access === config.log.access && before.accessFile === config.log.accessFile) return;
    this.#logDropsBefore += this.#accessLog?.drops ?? 0;
    void this.#accessLog?.close();
    const { events } = this.eventLog;
    this.#accessLog = createAccessLog({
      format: config.log.access,
      file: config.log.accessFile,
      onProblem: (error) => events.error({ reason: error.message }, 'the access log fails'),
    });
  }

  #linkChanged(connected: boolean): void {
    const { events } = this.eventLog;
    this.#caches.linkChanged(connected);
    if (!connected) this.#demands.forget();
    if (connected) events.info({}, 'linked to the sidecar');
    else events.warn({}, 'no sidecar: going on with what is known');
  }

  #encodeMetrics(): Uint8Array | null {
    const readings: WorkerReadings = {
      ...compressionReadings(this.#compression.counters, this.#offload.counters),
      exchangesOpen: this.#server.exchangesRunning,
      connectionsOpen: this.#listeners.connectionsOpen,
      webSocketsOpen: this.#listeners.webSocketsOpen,
      connections: this.#listeners.connections,
      connectionsRefused: this.#listeners.connectionsRefused,
      exchangesWaiting: this.#queues.length,
      overloaded: this.#overload.isShedding ? 1 : 0,
      overloadRefused: this.#overload.refused,
      retries: this.#context.retries,
      hedges: this.#context.hedges,
      hedgesWon: this.#context.hedgesWon,
      mirrored: this.#mirrors.counters.sent,
      mirrorsDropped: this.#mirrors.counters.dropped,
      bodiesCut: this.#guard.bodiesCut,
      logLinesDropped: this.#logDropsBefore + (this.#accessLog?.drops ?? 0),
      eventsDropped: this.eventLog.drops,
      framesMalformed: this.#link.counters.malformed,
      linkDegraded: this.#link.connected ? 0 : 1,
      ...this.#listeners.certificateReadings(Date.now()),
    };
    const sources = {
      metrics: this.#metrics,
      process: this.#sampler.sample(),
      peers: this.#peers.all,
      plugins: this.#plugins.samples,
      readings,
    };
    return encodeSnapshot(sources, metricsBytesMax);
  }
}
