// What a worker makes of its peers by itself: the shared state over one worker. It follows what the
// sidecar says, adds what this worker sees, and is the verdict while there is no sidecar.

import { apply, nextDueMs } from './apply-command.ts';
import { timesOf } from './breaker.ts';
import { diff, settle } from './diff-state.ts';
import { type Counters, downFlag } from './messages.ts';
import { createSharedState, type UpstreamSpec } from './shared-state.ts';

/** The only worker there is, to itself. */
const self = 0;

/** Outcomes of this worker with one peer; counts as in `Counters.outcomes`. */
export interface OwnOutcome {
  readonly number: number;
  readonly failures: number;
  readonly resets: number;
  readonly run: number;
}

/** What a new sidecar may not know, as in `Counters`. */
export type Standing = Pick<Counters, 'ejected' | 'down'>;

export class OwnVerdict {
  readonly #state = createSharedState();
  #sequence = 0;

  constructor() {
    apply(this.#state, { kind: 'join', worker: self, slot: self }, 0);
  }

  install(upstreams: readonly UpstreamSpec[], atMs: number): void {
    apply(this.#state, { kind: 'install', upstreams }, atMs);
  }

  /** Names the peers of the numbers from `first` on; '' takes a name away. */
  name(first: number, ids: readonly string[]): void {
    apply(this.#state, { kind: 'peers', worker: self, sequence: this.#next(), first, ids }, 0);
  }

  judge({ number, failures, resets, run }: OwnOutcome, atMs: number): void {
    this.#count({ outcomes: [number, failures, resets, run] }, atMs);
  }

  /** Takes outcomes as in `Counters.traffic`; as a baseline they are only where to count from. */
  takeTraffic(traffic: readonly number[], baseline: boolean, atMs: number): void {
    if (traffic.length > 0) this.#count({ traffic, baseline }, atMs);
  }

  /** Follows the health of a report (flat groups of four). */
  follow(health: readonly number[], atMs: number): void {
    if (health.length === 0) return;
    const { cells } = this.#state.workers.get(self)!;
    const ended: number[] = [];
    const begun: number[] = [];
    for (let at = 0; at < health.length; at += 4) {
      const peer = cells[health[at]!]?.id ?? '';
      const down = (health[at + 1]! & downFlag) !== 0;
      apply(this.#state, { kind: 'mark', peer, down }, atMs);
      const list = health[at + 3] === 0 ? ended : begun;
      list.push(health[at]!, health[at + 2]!, health[at + 3]!);
    }
    // Who comes back makes room for who goes.
    this.#count({ ejected: [...ended, ...begun] }, atMs);
  }

  /** Nobody checks any more, and what was found is too old to go by: no peer is down. */
  forgetChecks(atMs: number): void {
    for (const peer of this.#state.peers.keys()) {
      apply(this.#state, { kind: 'mark', peer, down: false }, atMs);
    }
  }

  /** Returns the running ejections, open breakers and peers that are down. */
  standing(atMs: number): Standing {
    const ejected: number[] = [];
    const down: number[] = [];
    for (const [peer, { number }] of this.#state.workers.get(self)!.cellOf) {
      if (peer.breaker !== null) {
        const { openLeftMs, closedLeftMs } = timesOf(peer.breaker, atMs);
        if (closedLeftMs > 0) ejected.push(number, closedLeftMs, openLeftMs);
        continue;
      }
      const leftMs = Math.ceil(peer.ejection.untilMs - atMs);
      if (leftMs > 0) ejected.push(number, peer.ejection.times, leftMs);
      if (peer.check.state === 'down') down.push(number);
    }
    return { ejected, down };
  }

  /** Returns the verdicts that changed since the last call, as in `Report.health`. */
  changes(atMs: number): number[] {
    apply(this.#state, { kind: 'tick' }, atMs);
    const health = diff(this.#state, self, atMs).flatMap((report) => report.health);
    settle(this.#state);
    return health;
  }

  /** Returns all verdicts, as in `Report.health`. */
  all(atMs: number): number[] {
    apply(this.#state, { kind: 'join', worker: self, slot: self }, atMs);
    return this.changes(atMs);
  }

  /** When the next ejection or phase of a breaker ends, or Infinity. */
  get dueMs(): number {
    return nextDueMs(this.#state);
  }

  #count(lists: Partial<Counters>, atMs: number): void {
    const none = { inFlight: [], outcomes: [], ejected: [], down: [], traffic: [] };
    const counters = { ...none, baseline: false, ...lists, sequence: this.#next() };
    apply(this.#state, { ...counters, kind: 'counters', worker: self }, atMs);
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}
