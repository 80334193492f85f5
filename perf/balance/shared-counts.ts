// How workers learn of each other's counts in the simulation: the real ledgers, the real shared state and
// the real pace of batches, on virtual time; only the socket between them is a delay.

import { apply } from '../../src/channel/apply-command.ts';
import { diff, settle } from '../../src/channel/diff-state.ts';
import { Ledger } from '../../src/channel/ledger.ts';
import type { Counters, PeerNames, Report } from '../../src/channel/messages.ts';
import { Pace } from '../../src/channel/pace.ts';
import { createSharedState } from '../../src/channel/shared-state.ts';
import type { Peer, PeerGroup } from '../../src/core/peer.ts';
import type { EventQueue } from './event-queue.ts';

/** One way through the socket, in ms: about what it takes on an idle machine. */
const TRANSIT_MS = 0.1;

/** Batches of counts between workers and sidecar, every `intervalMs` at both ends. */
export class SharedCounts {
  readonly #events: EventQueue;
  readonly #intervalMs: number;
  readonly #anticipation: number;
  readonly #groups: PeerGroup[] = [];
  readonly #state = createSharedState();
  readonly #members: { readonly ledger: Ledger; readonly pace: Pace; armed: boolean }[] = [];
  readonly #pace: Pace;
  #roundIsDue = false;

  /**
   * `anticipation`: share, 0–1, of its own moves since the last report that a worker supposes each other
   * one to have made too; Sluice itself supposes 0.5.
   */
  constructor(
    events: EventQueue,
    options: { intervalMs: number; anticipation: number; upstream: string },
  ) {
    this.#events = events;
    this.#intervalMs = options.intervalMs;
    this.#anticipation = options.anticipation;
    this.#pace = this.#newPace();
    const ejection = { failuresInRow: 0, baseMs: 1000, maxMs: 1000 };
    const spec = { name: options.upstream, ejection, checks: null, outlier: null, breaker: null };
    apply(this.#state, { kind: 'install', upstreams: [{ ...spec, peers: [] }] }, 0);
  }

  /** Links a worker with its own objects for the peers. */
  join(peers: readonly Peer[]): void {
    const worker = this.#members.length;
    const ledger = new Ledger();
    this.#members.push({ ledger, pace: this.#newPace(), armed: false });
    this.#groups.push(...peers.map(({ group }) => group));
    const others = this.#members.length - 1;
    for (const group of this.#groups) group.anticipation = this.#anticipation * others;
    ledger.track(peers);
    apply(this.#state, { kind: 'join', worker, slot: worker }, 0);
    this.#deliver(worker, ledger.begin({ ejected: [], down: [] }));
  }

  /** The worker's `peer.inFlight` has changed. */
  touched(worker: number, peer: Peer): void {
    const member = this.#members[worker]!;
    if (member.ledger.touched(peer)) this.#arm(worker);
  }

  #follow(worker: number, reports: readonly Report[]): void {
    const { ledger } = this.#members[worker]!;
    for (const report of reports) ledger.apply(report, this.#events.nowMs);
    if (ledger.hasChanges) this.#arm(worker);
  }

  #newPace(): Pace {
    return new Pace({ leastMs: this.#intervalMs, mostMs: this.#intervalMs, share: 1 });
  }

  #arm(worker: number): void {
    const member = this.#members[worker]!;
    if (member.armed) return;
    member.armed = true;
    this.#events.after(member.pace.delayMs(this.#events.nowMs, false), () => {
      const { nowMs } = this.#events;
      member.armed = false;
      const messages = member.ledger.take(nowMs);
      member.pace.spent(nowMs, nowMs);
      this.#events.after(TRANSIT_MS, () => this.#deliver(worker, messages));
    });
  }

  #deliver(worker: number, messages: readonly (PeerNames | Counters)[]): void {
    for (const message of messages) {
      apply(this.#state, { ...message, worker }, this.#events.nowMs);
    }
    if (this.#roundIsDue || this.#state.changed.length === 0) return;
    this.#roundIsDue = true;
    this.#events.after(this.#pace.delayMs(this.#events.nowMs, false), () => this.#tellAll());
  }

  #tellAll(): void {
    const { nowMs } = this.#events;
    this.#roundIsDue = false;
    this.#pace.spent(nowMs, nowMs);
    const news = this.#members.map((_member, worker) => diff(this.#state, worker, nowMs));
    settle(this.#state);
    this.#events.after(TRANSIT_MS, () => {
      for (const [worker, reports] of news.entries()) this.#follow(worker, reports);
    });
  }
}
