// What a worker makes of its peers by itself: the shared state over one worker. It follows what the
// sidecar says, adds what this worker sees, and is the verdict while there is no sidecar.

import { apply, type UpstreamSpec } from './apply-command.ts';
import { diff, settle } from './diff-state.ts';
import { nextDueMs } from './peer-health.ts';
import { createSharedState } from './shared-state.ts';

/** The only worker there is, to itself. */
const self = 0;

/** Outcomes of this worker with one peer; counts as in `Counters.outcomes`. */
export interface OwnOutcome {
  readonly number: number;
  readonly failures: number;
  readonly resets: number;
  readonly run: number;
}

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
    this.#count({ outcomes: [number, failures, resets, run], ejected: [] }, atMs);
  }

  /** Follows the health of a report (flat groups of four). */
  follow(health: readonly number[], atMs: number): void {
    if (health.length === 0) return;
    const ejected: number[] = [];
    for (let at = 0; at < health.length; at += 4) {
      ejected.push(health[at]!, health[at + 2]!, health[at + 3]!);
    }
    this.#count({ outcomes: [], ejected }, atMs);
  }

  /** Returns the running ejections as in `Counters.ejected`, for a sidecar that may not know them. */
  ejected(atMs: number): number[] {
    const groups: number[] = [];
    for (const [peer, cell] of this.#state.workers.get(self)!.cellOf) {
      const leftMs = Math.ceil(peer.ejection.untilMs - atMs);
      if (leftMs > 0) groups.push(cell.number, peer.ejection.times, leftMs);
    }
    return groups;
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

  /** When the next ejection ends, or Infinity. */
  get dueMs(): number {
    return nextDueMs(this.#state);
  }

  #count(lists: { outcomes: number[]; ejected: number[] }, atMs: number): void {
    const counters = { sequence: this.#next(), baseline: false, inFlight: [], ...lists };
    apply(this.#state, { kind: 'counters', worker: self, ...counters }, atMs);
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }
}
