// What a worker has to be told: the differences between the shared state and what it heard last. Absolute
// values, so that a report can be left out and made up for later.

import { timesOf } from './breaker.ts';
import {
  downFlag,
  ejectedFlag,
  groupsMax,
  openFlag,
  type Report,
  rampFlag,
  suspectFlag,
} from './messages.ts';
import { isEjected } from './peer-health.ts';
import type { Cell, PeerState, SharedState } from './shared-state.ts';

/**
 * Returns the reports that bring one worker up to date (several when there are more than `groupsMax`
 * changes, none for an unknown worker) and marks it told: they must be sent. A peer whose total moved
 * only by the worker's own share is no change for it.
 */
export function diff(state: SharedState, generation: number, atMs: number): Report[] {
  const worker = state.workers.get(generation);
  if (worker === undefined) return [];
  const pages = new Pages(worker.sequence);
  if (worker.behind) {
    for (const [peer, cell] of worker.cellOf) tell(pages, peer, cell, atMs);
    worker.behind = false;
  } else {
    for (const peer of state.changed) {
      const cell = worker.cellOf.get(peer);
      if (cell !== undefined) tell(pages, peer, cell, atMs);
    }
  }
  return pages.reports;
}

/** Notes that a worker gets no diff this time; its next one looks at all its peers. */
export function postpone(state: SharedState, generation: number): void {
  const worker = state.workers.get(generation);
  if (worker !== undefined) worker.behind = true;
}

/** Ends a round: every worker has had its diff or was postponed. */
export function settle(state: SharedState): void {
  for (const peer of state.changed) peer.changed = false;
  state.changed = [];
}

function tell(pages: Pages, peer: PeerState, cell: Cell, atMs: number): void {
  const elsewhere = peer.inFlight - cell.inFlight;
  if (elsewhere !== cell.toldInFlight) {
    cell.toldInFlight = elsewhere;
    pages.inFlight(cell.number, elsewhere);
  }
  const flags = flagsOf(peer);
  // Of a breaker the times matter too: one that is in the same phase again is news.
  const health = flags + (peer.breaker === null ? 0 : flagsEnd * peer.breaker.changes);
  if (health === cell.toldHealth) return;
  cell.toldHealth = health;
  if (peer.breaker === null) {
    const { times, untilMs } = peer.ejection;
    pages.health(cell.number, flags, times, Math.max(0, Math.ceil(untilMs - atMs)));
  } else {
    const { openLeftMs, closedLeftMs } = timesOf(peer.breaker, atMs);
    pages.health(cell.number, flags, closedLeftMs, openLeftMs);
  }
}

function flagsOf(peer: PeerState): number {
  if (peer.breaker !== null) {
    const { phase } = peer.breaker;
    return phase === 'open' ? openFlag : phase === 'ramp' ? rampFlag : 0;
  }
  return (
    (isEjected(peer) ? ejectedFlag : 0) |
    (peer.ejection.run > 0 ? suspectFlag : 0) |
    (peer.check.state === 'down' ? downFlag : 0)
  );
}

/** Above all flags. */
const flagsEnd = 2 * rampFlag;

class Pages {
  readonly reports: Report[] = [];
  readonly #acknowledged: number;
  #inFlight: number[] = [];
  #health: number[] = [];

  constructor(acknowledged: number) {
    this.#acknowledged = acknowledged;
  }

  inFlight(number: number, elsewhere: number): void {
    if (this.reports.length === 0 || this.#inFlight.length === groupsMax * 2) this.#turn();
    this.#inFlight.push(number, elsewhere);
  }

  health(...group: [number: number, flags: number, times: number, leftMs: number]): void {
    if (this.reports.length === 0 || this.#health.length === groupsMax * 4) this.#turn();
    this.#health.push(...group);
  }

  #turn(): void {
    this.#inFlight = [];
    this.#health = [];
    this.reports.push({
      kind: 'report',
      acknowledged: this.#acknowledged,
      inFlight: this.#inFlight,
      health: this.#health,
    });
  }
}
