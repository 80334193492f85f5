// The shared state as data: what runs per peer and worker, and the account of each peer's health. The
// sidecar holds it over all workers; each worker holds one over itself alone, to judge peers while there
// is no sidecar. Commands are in apply-command, what workers are told in diff-state.
//
// **Invariant:** `row.inFlight` is the sum over its cells.

import type { BreakerPolicy, BreakerRecord } from './breaker.ts';
import { type CheckPolicy, type CheckRecord, createCheckRecord } from './check-record.ts';
import { createEjectionRecord, type EjectionPolicy, type EjectionRecord } from './ejection.ts';
import type { OutlierPolicy } from './outliers.ts';
import { TrafficWindow } from './traffic-window.ts';

/** What a configuration says about one upstream, as far as the shared state cares. */
export interface UpstreamSpec {
  readonly name: string;
  /** Ids of its peers. */
  readonly peers: readonly string[];
  readonly ejection: EjectionPolicy;
  /** Null: its peers are not checked. */
  readonly checks: CheckPolicy | null;
  readonly outlier: OutlierPolicy | null;
  readonly breaker: BreakerPolicy | null;
}

export interface UpstreamState {
  readonly spec: UpstreamSpec;
  readonly peers: readonly PeerState[];
  /** Counts for the upstream as a whole: its retries in flight, its exchanges, its breaker. */
  readonly guard: PeerState;
  /** Peers whose ejection runs. */
  ejected: number;
  /** When success rates were compared last. */
  comparedAtMs: number;
}

/** What all workers agree on about a peer. */
export type Verdict = 'healthy' | 'down' | 'ejected' | 'down and ejected';

/** What is counted under one id: a peer, or the guard of an upstream. */
export interface PeerState {
  readonly id: string;
  /** Null while no configuration names it: it is counted, but never judged. Null in guards. */
  upstream: UpstreamState | null;
  /** Only in the guard of a configured upstream; null when that has no breaker. */
  guards: UpstreamState | null;
  breaker: BreakerRecord | null;
  inFlight: number;
  readonly ejection: EjectionRecord;
  readonly check: CheckRecord;
  traffic: TrafficWindow;
  verdict: Verdict;
  /** When the verdict became what it is. */
  verdictAtMs: number;
  /** Workers that name it. */
  cells: number;
  changed: boolean;
}

/** One worker's share of one peer. */
export interface Cell {
  readonly number: number;
  /** What the worker calls by that number; '' nothing. */
  readonly id: string;
  /** Null when nothing is named, or another number of the worker has the same peer. */
  peer: PeerState | null;
  namedAt: number;
  countedAt: number;
  judgedAt: number;
  adoptedAt: number;
  trafficAt: number;
  inFlight: number;
  failures: number;
  resets: number;
  answers: number;
  errors: number;
  /** What the worker was told last; -1 nothing. */
  toldInFlight: number;
  toldHealth: number;
}

export interface WorkerState {
  readonly slot: number;
  /** By number; holes where nothing was named. */
  readonly cells: (Cell | undefined)[];
  readonly cellOf: Map<PeerState, Cell>;
  /** Cells with a name whose peer another cell has. */
  waiting: number;
  /** Highest sequence applied. */
  sequence: number;
  /** It missed changes: the next diff looks at every cell. */
  behind: boolean;
}

export interface SharedState {
  readonly upstreams: Map<string, UpstreamState>;
  readonly peers: Map<string, PeerState>;
  readonly workers: Map<number, WorkerState>;
  /** Peers that changed since the last `settle`. */
  changed: PeerState[];
}

/** Traffic of peers that nobody compares is still counted, for the rates that the operator sees. */
const windowMs = 10_000;

export function createSharedState(): SharedState {
  return { upstreams: new Map(), peers: new Map(), workers: new Map(), changed: [] };
}

/** Returns the peer of that id, new if need be. */
export function peerOf(state: SharedState, id: string): PeerState {
  let peer = state.peers.get(id);
  if (peer === undefined) {
    peer = {
      id,
      upstream: null,
      guards: null,
      breaker: null,
      inFlight: 0,
      ejection: createEjectionRecord(),
      check: createCheckRecord(),
      traffic: new TrafficWindow(windowMs),
      verdict: 'healthy',
      verdictAtMs: 0,
      cells: 0,
      changed: false,
    };
    state.peers.set(id, peer);
  }
  return peer;
}

/** Forgets a peer that neither a configuration nor a worker names. */
export function dropUnused(state: SharedState, peer: PeerState): void {
  if (peer.cells > 0 || peer.upstream !== null || peer.guards !== null) return;
  state.peers.delete(peer.id);
}

/** Marks a peer for the next diff. */
export function touch(state: SharedState, peer: PeerState): void {
  if (peer.changed) return;
  peer.changed = true;
  state.changed.push(peer);
}

/** Gives a guard another breaker, or none; what was told of the one before says nothing about it. */
export function setBreaker(
  state: SharedState,
  guard: PeerState,
  breaker: BreakerRecord | null,
): void {
  if (guard.breaker === breaker) return;
  guard.breaker = breaker;
  for (const { cellOf } of state.workers.values()) {
    const cell = cellOf.get(guard);
    if (cell !== undefined) cell.toldHealth = -1;
  }
  touch(state, guard);
}

/** Creates the cell of a number that has just been named. */
export function createCell(number: number, id: string, namedAt: number): Cell {
  return {
    number,
    id,
    peer: null,
    namedAt,
    countedAt: 0,
    judgedAt: 0,
    adoptedAt: 0,
    trafficAt: 0,
    inFlight: 0,
    failures: 0,
    resets: 0,
    answers: 0,
    errors: 0,
    toldInFlight: -1,
    toldHealth: -1,
  };
}
