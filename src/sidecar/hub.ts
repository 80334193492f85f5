// The sidecar's end of the links: who is linked, the shared state behind them, and the batches of reports
// that go out. Nothing here outlives the process; a new sidecar is told everything again.

import type { Socket } from 'node:net';
import { apply, nextDueMs } from '../channel/apply-command.ts';
import { isUnsettled } from '../channel/check-record.ts';
import { diff, postpone, settle } from '../channel/diff-state.ts';
import { protocolVersion } from '../channel/frame.ts';
import { LeaseOutbox, readSought } from '../channel/lease-batch.ts';
import { createLinkCounters, Link, type LinkEnd } from '../channel/link.ts';
import type {
  Counters,
  Hello,
  PeerNames,
  SidecarToWorker,
  Spent,
  WorkerToSidecar,
} from '../channel/messages.ts';
import { Pace } from '../channel/pace.ts';
import { parseWorkerMessage } from '../channel/parse-message.ts';
import { createSharedState, type UpstreamSpec } from '../channel/shared-state.ts';
import { type StickEnd, type StickSpec, StickTables } from '../channel/stick-tables.ts';
import type { SidecarToCache } from '../core/cache-link.ts';
import type { CertificateWanted } from '../core/certificate-link.ts';
import type { Events } from '../core/events.ts';
import { limits } from '../core/limits.ts';
import type { PurgeRecord } from '../core/purge-log.ts';
import { createHostClock } from '../std/host-clock.ts';
import { isRunning } from '../std/is-running.ts';
import { systemTimers } from '../std/timers.ts';
import { CacheDesk } from './cache/cache-desk.ts';
import { type ScrapeResult, ScrapeRound } from './scrape-round.ts';
import {
  isPeer,
  type SharedPeer,
  type SharedUpstream,
  sharedPeer,
  sharedUpstream,
} from './shared-view.ts';
import { VerdictLog } from './verdict-log.ts';

/** A worker as the hub sees it. */
export interface LinkedWorker {
  readonly slot: number;
  readonly pid: number;
  readonly generation: number;
  readonly connection: number;
  /** Configuration version it serves, -1 for none. */
  version: number;
  draining: boolean;
}

interface Member extends LinkedWorker {
  readonly link: WorkerLink;
  /** For what concerns the cache. */
  readonly outbox: LeaseOutbox<SidecarToCache>;
  readonly sessions: StickEnd;
  /** Highest sequence that a report has acknowledged. */
  acknowledged: number;
}

type WorkerLink = Link<WorkerToSidecar, SidecarToWorker>;

export interface HubOptions {
  readonly events: Events;
  /** A worker is gone, or its link; it may come again. */
  readonly onLeave: (worker: LinkedWorker) => void;
  /** Workers that there should be. */
  readonly workersWanted?: () => number;
  /** Writes purges to disk; resolves with false when that fails. */
  readonly keepPurges?: (records: readonly PurgeRecord[]) => Promise<boolean>;
  /** Gets a certificate that clients of a listener ask for; resolves with whether there is one. */
  readonly onWanted?: (listener: string, name: string) => Promise<boolean>;
  /** Shortest time between two rounds of reports, in ms. */
  readonly intervalMs?: number;
  /** Longest wait for the metrics of a worker, in ms; default 1 s. */
  readonly scrapeTimeoutMs?: number;
}

const helloTimeoutMs = 1000;
const scrapeTimeoutMsDefault = 1000;
/** A worker that has this much unread gets its news later, in one piece. */
const backlogSoftBytes = 64 * 1024;

export class Hub {
  readonly counters = createLinkCounters();
  readonly cache: CacheDesk;
  readonly #options: HubOptions;
  readonly #pace: Pace;
  readonly #state = createSharedState();
  readonly #sessions = new StickTables(createHostClock());
  /** By generation. */
  readonly #members = new Map<number, Member>();
  readonly #links = new Set<WorkerLink>();
  readonly #verdicts: VerdictLog;
  #round: NodeJS.Timeout | null = null;
  #roundIsUrgent = false;
  #immediate: NodeJS.Immediate | null = null;
  #due: NodeJS.Timeout | undefined;
  #scrape: ScrapeRound | null = null;
  #scrapes = 0;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#pace = new Pace({ leastMs: options.intervalMs ?? 10, mostMs: 100, share: 0.02 });
    this.#verdicts = new VerdictLog(options.events);
    this.cache = new CacheDesk({
      send: (worker, message) => this.#members.get(worker)?.outbox.send(message),
      timers: systemTimers,
      isAlive: isRunning,
      workersWanted: options.workersWanted ?? (() => 0),
      keep: options.keepPurges ?? (() => Promise.resolve(true)),
    });
    this.#sessions.onChange = (isNews) => this.#scheduleRound(isNews);
  }

  get workers(): readonly LinkedWorker[] {
    return [...this.#members.values()].sort((a, b) => a.slot - b.slot);
  }

  /** Bytes that wait in this process for workers that do not read. */
  get backlogBytes(): number {
    let bytes = 0;
    for (const link of this.#links) bytes += link.backlogBytes;
    return bytes;
  }

  /** The peers of the configuration, and others while workers still use them. */
  get peers(): SharedPeer[] {
    const now = performance.now();
    const all = [...this.#state.peers.values()];
    return all.filter(isPeer).map((peer) => sharedPeer(peer, now));
  }

  get upstreams(): SharedUpstream[] {
    const now = performance.now();
    return [...this.#state.upstreams.values()].map((upstream) => sharedUpstream(upstream, now));
  }

  /** Sessions remembered, by upstream. */
  get sessions(): StickTables['sizes'] {
    return this.#sessions.sizes;
  }

  install(upstreams: readonly UpstreamSpec[], sessions: readonly StickSpec[] = []): void {
    this.#sessions.install(sessions);
    apply(this.#state, { kind: 'install', upstreams }, performance.now());
    this.#scheduleRound();
  }

  /** An active check of a peer has ended. */
  checked(peer: string, outcome: { readonly good: boolean; readonly why: string }): void {
    const { good, why } = outcome;
    apply(this.#state, { kind: 'check', peer, good, why }, performance.now());
    if (this.#state.changed.length > 0) this.#scheduleRound();
  }

  /** Tells whether a peer should be checked soon again: it is down, not known yet, or on its way there. */
  isUnsettled(peer: string): boolean {
    const record = this.#state.peers.get(peer)?.check;
    return record === undefined || isUnsettled(record);
  }

  /** Takes over a connection; it must say hello within a second. */
  accept(socket: Socket): void {
    if (this.#links.size >= limits.linksMax) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    let member: Member | null = null;
    const link: WorkerLink = new Link<WorkerToSidecar, SidecarToWorker>(socket, {
      counters: this.counters,
      parse: parseWorkerMessage,
      onMessage: (message) => {
        if (member !== null) this.#receive(member, message);
        else if (message.kind === 'hello') member = this.#join(link, message);
        else link.end();
        if (member !== null) clearTimeout(helloTimer);
      },
      onClose: (end) => {
        clearTimeout(helloTimer);
        this.#links.delete(link);
        if (end === 'malformed' || end === 'overflow') this.#complain(end, member);
        if (member !== null && this.#members.get(member.generation) === member) this.#leave(member);
      },
    });
    const helloTimer = setTimeout(() => link.end(), helloTimeoutMs);
    this.#links.add(link);
  }

  /** Asks every worker for its metrics; who asks while a round runs shares its outcome. */
  scrape(): Promise<ScrapeResult> {
    if (this.#scrape !== null) return this.#scrape.result;
    this.#scrapes += 1;
    const { scrapeTimeoutMs = scrapeTimeoutMsDefault } = this.#options;
    const round = new ScrapeRound(this.#scrapes, scrapeTimeoutMs, () => {
      this.#scrape = null;
    });
    this.#scrape = round;
    for (const member of this.#members.values()) {
      round.expect(member, member.link.send({ kind: 'scrape', id: round.id }));
    }
    round.begin();
    return round.result;
  }

  /** Says goodbye to every worker and stops. */
  close(): void {
    this.#stopRound();
    clearTimeout(this.#due);
    this.#scrape?.finish();
    this.cache.close();
    for (const link of this.#links) link.end({ kind: 'goodbye', reason: 'closing' });
    this.#members.clear();
  }

  /** Null when the worker is turned away. */
  #join(link: WorkerLink, hello: Hello): Member | null {
    if (hello.protocol !== protocolVersion) {
      link.end({ kind: 'goodbye', reason: 'protocol' });
      return null;
    }
    const { slot, pid, generation, connection } = hello;
    const former = this.#members.get(generation);
    if (former !== undefined && former.connection >= connection) {
      link.end({ kind: 'goodbye', reason: 'replaced' });
      return null;
    }
    const member: Member = {
      slot,
      pid,
      generation,
      connection,
      version: -1,
      draining: false,
      link,
      outbox: new LeaseOutbox((answer) => link.send(answer)),
      sessions: this.#sessions.open(),
      acknowledged: 0,
    };
    this.#members.set(generation, member);
    former?.link.end({ kind: 'goodbye', reason: 'replaced' });
    apply(this.#state, { kind: 'join', worker: generation, slot }, performance.now());
    link.send({ kind: 'welcome', protocol: protocolVersion, pid: process.pid });
    this.cache.join(generation, { pid, slot });
    this.#scheduleRound();
    this.#options.events.debug({ slot, worker: pid }, 'worker linked');
    return member;
  }

  #receive(member: Member, message: WorkerToSidecar): void {
    switch (message.kind) {
      case 'peers':
      case 'counters':
        apply(this.#state, { ...message, worker: member.generation }, performance.now());
        this.#pace.received(member.link.readAtMs, performance.now());
        if (isNews(message)) this.#scheduleRound();
        else this.#roundIfDue();
        return;
      case 'status':
        member.version = message.version;
        member.draining = message.draining;
        return;
      case 'metrics':
        this.#scrape?.receive(member, message);
        return;
      case 'wanted':
      case 'sessions':
      case 'complete':
        member.sessions.receive(message);
        return;
      case 'spent':
        this.#passOn(member, message);
        return;
      case 'certificate-wanted':
        void this.#obtain(member, message);
        return;
      case 'hello':
        member.link.end();
        return;
      case 'leases':
        readSought(message.records, (sought) => {
          void this.cache.receive(member.generation, sought);
        });
        return;
      default:
        void this.cache.receive(member.generation, message)?.then((answer) => {
          member.outbox.send(answer);
        });
    }
  }

  async #obtain({ link }: Member, { id, listener, name }: CertificateWanted): Promise<void> {
    const isThere = (await this.#options.onWanted?.(listener, name)) ?? false;
    link.send({ kind: 'certificate-answer', id, isThere });
  }

  /** A worker that does not keep up does without: counts of a moment ago are worth little. */
  #passOn(from: Member, message: Spent): void {
    for (const member of this.#members.values()) {
      if (member !== from && member.link.backlogBytes <= backlogSoftBytes)
        member.link.send(message);
    }
  }

  #leave(member: Member): void {
    this.#members.delete(member.generation);
    apply(this.#state, { kind: 'leave', worker: member.generation }, performance.now());
    this.#scrape?.leave(member);
    this.cache.leave(member.generation);
    this.#scheduleRound();
    this.#options.events.debug({ slot: member.slot, worker: member.pid }, 'worker unlinked');
    this.#options.onLeave(member);
  }

  #complain(end: LinkEnd, member: Member | null): void {
    const who = member === null ? {} : { slot: member.slot, worker: member.pid };
    this.#options.events.warn({ ...who, why: end }, 'link closed');
  }

  /** The first change after a pause is told after 1 ms, counts then at their pace, verdicts at once. */
  #scheduleRound(isUrgent = true): void {
    if (this.#round !== null) {
      if (!isUrgent || this.#roundIsUrgent) return;
      clearTimeout(this.#round);
    }
    this.#roundIsUrgent = isUrgent;
    const delayMs = this.#pace.delayMs(performance.now(), isUrgent);
    this.#round = setTimeout(() => this.#tellAll(), delayMs);
  }

  /** Counts have come: told at the end of this turn if that is not too early, instead of by a timer. */
  #roundIfDue(): void {
    if (this.#roundIsUrgent && this.#round !== null) return;
    if (this.#immediate !== null) return;
    if (this.#pace.isNearlyDue(performance.now())) {
      this.#immediate = setImmediate(() => this.#tellAll());
    } else this.#scheduleRound(false);
  }

  #tellAll(): void {
    const now = performance.now();
    this.#stopRound();
    apply(this.#state, { kind: 'tick' }, now);
    let late = false;
    for (const member of this.#members.values()) {
      if (member.link.backlogBytes > backlogSoftBytes) {
        postpone(this.#state, member.generation);
        late = true;
      } else {
        this.#tell(member, now);
      }
    }
    for (const peer of this.#state.changed) this.#verdicts.see(peer);
    settle(this.#state);
    this.#pace.spent(now, performance.now());
    if (late) this.#scheduleRound(false);
    clearTimeout(this.#due);
    const dueMs = nextDueMs(this.#state);
    if (dueMs !== Number.POSITIVE_INFINITY) {
      this.#due = setTimeout(() => this.#scheduleRound(), Math.max(1, dueMs - now));
    }
  }

  #stopRound(): void {
    if (this.#round !== null) clearTimeout(this.#round);
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#round = null;
    this.#immediate = null;
  }

  #tell(member: Member, now: number): void {
    const sequence = this.#state.workers.get(member.generation)?.sequence ?? 0;
    const reports = diff(this.#state, member.generation, now);
    if (reports.length === 0 && sequence > member.acknowledged) {
      reports.push({ kind: 'report', acknowledged: sequence, inFlight: [], health: [] });
    }
    member.acknowledged = sequence;
    for (const report of reports) member.link.send(report);
    for (const message of member.sessions.take()) member.link.send(message);
    if (member.sessions.hasMore) this.#scheduleRound();
  }
}

/** Names and outcomes can change what others do next; counts alone can wait a little. */
function isNews(message: PeerNames | Counters): boolean {
  if (message.kind === 'peers') return true;
  const { outcomes, ejected, down, traffic } = message;
  return outcomes.length + ejected.length + down.length + traffic.length > 0;
}
