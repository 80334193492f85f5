// The shared state as data: attempts in flight per peer and worker, and the account of each peer's
// failures. The sidecar holds it over all workers; each worker holds one over itself alone, to judge
// peers while there is no sidecar. Commands are in apply-command, what workers are told in diff-state.
//
// **Invariant:** `peer.inFlight` is the sum over its cells.

import { createEjectionRecord, type EjectionPolicy, type EjectionRecord } from './ejection.ts';

export interface UpstreamState {
  readonly name: string;
  readonly policy: EjectionPolicy;
  readonly peers: readonly PeerState[];
  ejected: number;
}

export interface PeerState {
  readonly id: string;
  /** Null while no configuration names it: it is counted, but never ejected. */
  upstream: UpstreamState | null;
  inFlight: number;
  readonly ejection: EjectionRecord;
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
  inFlight: number;
  failures: number;
  resets: number;
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

export function createSharedState(): SharedState {
  return { upstreams: new Map(), peers: new Map(), workers: new Map(), changed: [] };
}

/** Returns the peer of that id, new if need be. */
export function peerOf(state: SharedState, id: string): PeerState {
  let peer = state.peers.get(id);
  if (peer === undefined) {
    const ejection = createEjectionRecord();
    peer = { id, upstream: null, inFlight: 0, ejection, cells: 0, changed: false };
    state.peers.set(id, peer);
  }
  return peer;
}

/** Forgets a peer that neither a configuration nor a worker names. */
export function dropUnused(state: SharedState, peer: PeerState): void {
  if (peer.cells === 0 && peer.upstream === null) state.peers.delete(peer.id);
}

/** Marks a peer for the next diff. */
export function touch(state: SharedState, peer: PeerState): void {
  if (peer.changed) return;
  peer.changed = true;
  state.changed.push(peer);
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
    inFlight: 0,
    failures: 0,
    resets: 0,
    toldInFlight: -1,
    toldHealth: -1,
  };
}
