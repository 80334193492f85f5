// The worker's end of the link to the sidecar: connects for ever, tells changes in batches, applies
// reports. The worker never waits for it: without a sidecar it goes on with what it knows.
//
//   waiting ──► connecting ──hello──► greeting ──welcome──► linked      connected = linked
//      ▲  back-off 20…500 ms, jittered    │ 1 s                │ closed, or a batch unanswered for 1 s
//      └──────────────────────────────────┴────────────────────┘
//
// While not linked: health stays as last told and goes on by this worker's own judgement (own-verdict),
// but what active checks found counts for half a minute only; `inFlightElsewhere` is kept for a second, which is how long a sidecar takes to be back, and is then
// halved every 500 ms, because a count that nobody corrects must not steer for ever.

import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { CacheToSidecar, SidecarToCache } from '../core/cache-link.ts';
import type { CertificateAnswer, CertificateWanted } from '../core/certificate-link.ts';
import type { Peer } from '../core/peer.ts';
import type { UpstreamGuard } from '../core/upstream-guard.ts';
import { Alone, type Fade } from './alone.ts';
import { protocolVersion } from './frame.ts';
import { LeaseOutbox, readAnswers } from './lease-batch.ts';
import { Ledger } from './ledger.ts';
import type { Counted } from './ledger-entry.ts';
import { createLinkCounters, Link, type LinkCounters } from './link.ts';
import type { Report, SidecarToWorker, WorkerStatus, WorkerToSidecar } from './messages.ts';
import { metricsMessages } from './metrics-parts.ts';
import { OwnVerdict } from './own-verdict.ts';
import { Pace } from './pace.ts';
import { parseSidecarMessage } from './parse-message.ts';
import type { UpstreamSpec } from './shared-state.ts';
import type { StickEnd, StickTables } from './stick-tables.ts';

export interface SidecarLinkOptions {
  /** Directory with the socket of the sidecar. */
  readonly runDirectory: string;
  /** Slot of this worker. */
  readonly slot: number;
  /** Sessions that this worker shares with the others. */
  readonly sessions?: StickTables;
  /** Returns the metrics of this worker in at most `metricsBytesMax`, or null when that can't be. */
  readonly onScrape: () => Uint8Array | null;
  /** Takes what other workers let pass under shared rate limits. */
  readonly onSpent?: (records: Uint8Array) => void;
  /** Takes what concerns the cache. */
  readonly onCache?: (message: SidecarToCache) => void;
  /** Takes what came of a certificate that was wanted. */
  readonly onCertificate?: (answer: CertificateAnswer) => void;
  /** Told on every change of `connected`. */
  readonly onConnectedChange?: (connected: boolean) => void;
  readonly random?: () => number;
  /** Shortest time between two batches, in ms. */
  readonly intervalMs?: number;
  readonly fade?: Fade;
}

/** What happened on the links to the sidecar since the worker started. */
export interface SidecarLinkCounters extends LinkCounters {
  connects: number;
  losses: number;
  /** Links given up because the sidecar did not answer. */
  silences: number;
}

/** Returns the path of the sidecar's socket. */
export function sidecarSocketPath(runDirectory: string): string {
  return join(runDirectory, 'sidecar.sock');
}

const backoffFirstMs = 20;
const backoffMaxMs = 500;
const answerTimeoutMs = 1000;
/** Messages that may be unanswered; then changes are gathered until the sidecar answers. */
const unansweredMax = 8;
/** Bytes that may wait unsent before changes are gathered instead. */
const backlogSoftBytes = 64 * 1024;

export class SidecarLink {
  readonly counters: SidecarLinkCounters = {
    ...createLinkCounters(),
    connects: 0,
    losses: 0,
    silences: 0,
  };
  readonly #options: SidecarLinkOptions;
  readonly #ledger = new Ledger();
  readonly #own = new OwnVerdict();
  readonly #alone: Alone;
  readonly #generation: number;
  readonly #pace: Pace;
  readonly #outbox = new LeaseOutbox<CacheToSidecar>((message) => this.#link!.send(message));
  #socket: Socket | null = null;
  #link: Link<SidecarToWorker, WorkerToSidecar> | null = null;
  #sessions: StickEnd | null = null;
  #connected = false;
  #closed = false;
  #connection = 0;
  #failedTries = 0;
  #acknowledged = 0;
  #flushIsUrgent = false;
  #status: WorkerStatus = { kind: 'status', version: -1, draining: false };
  #retryTimer: NodeJS.Timeout | undefined;
  #flushTimer: NodeJS.Timeout | null = null;
  #answerTimer: NodeJS.Timeout | null = null;

  constructor(options: SidecarLinkOptions) {
    this.#options = options;
    this.#pace = new Pace({ leastMs: options.intervalMs ?? 10, mostMs: 100, share: 0.01 });
    this.#generation = Math.floor((options.random ?? Math.random)() * Number.MAX_SAFE_INTEGER);
    this.#alone = new Alone(this.#ledger, this.#own, options.fade);
    this.#alone.begin();
    if (options.sessions !== undefined) options.sessions.onChange = (isNews) => this.#arm(isNews);
    this.#connect();
  }

  /** The sidecar answers; false is degraded: this worker goes by what it knows itself. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Follows a new configuration: `peers` are all that it names, `workers` how many serve it. */
  install(upstreams: readonly UpstreamSpec[], peers: readonly Peer[], workers = 2): void {
    const now = performance.now();
    this.#pace.isAlone = workers === 1;
    this.#own.install(upstreams, now);
    const watched = new Set(upstreams.filter(({ breaker }) => breaker !== null).map(nameOf));
    for (const { group } of peers) group.guard.isWatched = watched.has(group.guard.upstream);
    for (const number of this.#ledger.track(peers)) {
      this.#own.name(number, [this.#ledger.idOf(number)]);
    }
    if (this.#connected) this.#arm(true);
    else this.#alone.judge();
  }

  /** Tells which configuration this worker serves, and whether it takes new work. */
  setStatus(version: number, draining: boolean): void {
    this.#status = { kind: 'status', version, draining };
    if (this.#connected) this.#link?.send(this.#status);
  }

  /** `counted.inFlight` has changed. */
  touched(counted: Counted): void {
    if (this.#ledger.touched(counted)) this.#arm();
  }

  /** An attempt went well; costs one compare unless the peer is under suspicion. */
  succeeded(peer: Peer): void {
    if (peer.failuresInRow === 0) return;
    const outcome = this.#ledger.succeeded(peer);
    if (outcome !== null) this.#judged(outcome);
  }

  /** An attempt failed by the peer's own fault. */
  failed(peer: Peer): void {
    const outcome = this.#ledger.failed(peer);
    if (outcome !== null) this.#judged(outcome);
  }

  /** An exchange has failed that the breaker of its upstream counts: that cannot wait for a batch. */
  erred(guard: UpstreamGuard): void {
    if (guard.isWatched) this.#arm(true);
  }

  /** Tells the sidecar something about the cache; false when it could not be sent. */
  sendCache(message: CacheToSidecar): boolean {
    return this.#connected && this.#outbox.send(message);
  }

  /** Tells the other workers what this one let pass under shared rate limits; false when it could not. */
  sendSpent(records: Uint8Array): boolean {
    return this.#connected && this.#link!.send({ kind: 'spent', records });
  }

  /** Asks the sidecar for a certificate; false when that could not be sent. */
  sendWanted(message: CertificateWanted): boolean {
    return this.#connected && this.#link!.send(message);
  }

  /** Closes the link for good. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retryTimer);
    this.#alone.end();
    this.#stopTimers();
    this.#socket?.destroy();
  }

  #connect(): void {
    this.#connection += 1;
    const socket = connect(sidecarSocketPath(this.#options.runDirectory));
    this.#socket = socket;
    this.#link = new Link<SidecarToWorker, WorkerToSidecar>(socket, {
      counters: this.counters,
      parse: parseSidecarMessage,
      onMessage: (message) => this.#receive(message),
      onClose: () => this.#lost(),
    });
    socket.once('connect', () => {
      this.#link!.send({
        kind: 'hello',
        protocol: protocolVersion,
        slot: this.#options.slot,
        pid: process.pid,
        generation: this.#generation,
        connection: this.#connection,
      });
    });
    // A frozen sidecar's socket accepts and says nothing.
    this.#expectAnswer();
  }

  #receive(message: SidecarToWorker): void {
    switch (message.kind) {
      case 'welcome':
        if (!this.#connected) this.#begin();
        return;
      case 'report':
        if (this.#connected) this.#follow(message);
        return;
      case 'scrape':
        for (const part of metricsMessages(message.id, this.#options.onScrape)) {
          this.#link!.send(part);
        }
        return;
      case 'wanted':
      case 'sessions':
      case 'complete':
        this.#sessions?.receive(message);
        return;
      case 'spent':
        this.#options.onSpent?.(message.records);
        return;
      case 'certificate-answer':
        this.#options.onCertificate?.(message);
        return;
      case 'leases':
        readAnswers(message.records, (answer) => this.#options.onCache?.(answer));
        return;
      case 'goodbye':
        this.#link!.end();
        return;
      default:
        this.#options.onCache?.(message);
    }
  }

  /** Tells everything, because the sidecar may be a new one. */
  #begin(): void {
    this.#connected = true;
    this.#failedTries = 0;
    this.counters.connects += 1;
    this.#alone.end();
    this.#acknowledged = this.#ledger.sequence;
    this.#link!.send(this.#status);
    this.#send(this.#ledger.begin(this.#own.standing(performance.now())));
    this.#sessions = this.#options.sessions?.open() ?? null;
    if (this.#sessions !== null) this.#arm(true);
    this.#options.onConnectedChange?.(true);
  }

  #follow(report: Report): void {
    this.#acknowledged = Math.max(this.#acknowledged, report.acknowledged);
    if (this.#acknowledged >= this.#ledger.sequence) this.#stopAnswerTimer();
    const now = performance.now();
    this.#own.follow(this.#ledger.apply(report, now), now);
    this.#pace.received(this.#link!.readAtMs, performance.now());
    if (this.#ledger.hasChanges) this.#arm();
  }

  #lost(): void {
    this.#stopTimers();
    this.#outbox.clear();
    this.#socket = null;
    this.#sessions = null;
    if (this.#closed) return;
    if (this.#connected) {
      this.#connected = false;
      this.counters.losses += 1;
      this.#alone.begin();
      this.#options.onConnectedChange?.(false);
    }
    const ceilingMs = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(this.#failedTries, 10));
    this.#failedTries += 1;
    const delayMs = ceilingMs * (0.5 + 0.5 * (this.#options.random ?? Math.random)());
    this.#retryTimer = setTimeout(() => this.#connect(), delayMs);
    this.#retryTimer.unref();
  }

  /** One timer while something is unsent; the first change after a pause goes out after 1 ms. */
  #arm(isUrgent = false): void {
    if (!this.#connected) return;
    if (this.#flushTimer !== null) {
      if (!isUrgent || this.#flushIsUrgent) return;
      clearTimeout(this.#flushTimer);
    }
    this.#flushIsUrgent = isUrgent;
    const delayMs = this.#pace.delayMs(performance.now(), isUrgent);
    this.#flushTimer = setTimeout(() => this.#flush(), delayMs);
    this.#flushTimer.unref();
  }

  #flush(): void {
    this.#flushTimer = null;
    if (!this.#connected) return;
    const beganAtMs = performance.now();
    if (!this.#isBehind()) {
      this.#send(this.#ledger.take(beganAtMs));
      for (const message of this.#sessions?.take() ?? []) this.#link!.send(message);
    }
    this.#pace.spent(beganAtMs, performance.now());
    if (this.#sessions?.hasMore === true) this.#arm(true);
  }

  /** A slow sidecar gets the latest values when it has caught up; its next report arms the timer again. */
  #isBehind(): boolean {
    const unanswered = this.#ledger.sequence - this.#acknowledged;
    return unanswered >= unansweredMax || this.#link!.backlogBytes > backlogSoftBytes;
  }

  #send(messages: readonly WorkerToSidecar[]): void {
    for (const message of messages) {
      if (message.kind === 'peers') this.#own.name(message.first, message.ids);
      if (!this.#link!.send(message)) return;
    }
    if (messages.length > 0) this.#expectAnswer();
  }

  #judged(outcome: Parameters<OwnVerdict['judge']>[0]): void {
    this.#own.judge(outcome, performance.now());
    if (this.#connected) this.#arm(true);
    else this.#alone.judge();
  }

  #expectAnswer(): void {
    if (this.#answerTimer !== null) return;
    const before = this.#acknowledged;
    const isGreeting = !this.#connected;
    this.#answerTimer = setTimeout(() => {
      // After a stall of this very process the answer may be here already, unread: read first.
      setImmediate(() => {
        if (this.#answerTimer === null) return;
        this.#answerTimer = null;
        if (this.#acknowledged > before || (isGreeting && this.#connected)) {
          if (this.#acknowledged < this.#ledger.sequence) this.#expectAnswer();
          return;
        }
        this.counters.silences += 1;
        this.#socket?.destroy();
      });
    }, answerTimeoutMs);
    this.#answerTimer.unref();
  }

  #stopAnswerTimer(): void {
    if (this.#answerTimer !== null) clearTimeout(this.#answerTimer);
    this.#answerTimer = null;
  }

  #stopTimers(): void {
    this.#stopAnswerTimer();
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    this.#flushTimer = null;
  }
}

function nameOf({ name }: UpstreamSpec): string {
  return name;
}
