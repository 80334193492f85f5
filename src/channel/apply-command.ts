// Commands on the shared state: the one way it changes. Time is an argument; sockets, timers and messages
// are elsewhere. Run by the sidecar and, over itself alone, by every worker.
//
// **Invariant:** commands of one worker carry sequences; applying one twice, or late, changes nothing.

import { type EjectionPolicy, restore } from './ejection.ts';
import { adopt, endEjections, isHealthy, judge, restoreSurplus } from './peer-health.ts';
import {
  type Cell,
  createCell,
  dropUnused,
  type PeerState,
  peerOf,
  type SharedState,
  touch,
  type UpstreamState,
  type WorkerState,
} from './shared-state.ts';

/** What a configuration says about one upstream, as far as the shared state cares. */
export interface UpstreamSpec {
  readonly name: string;
  /** Ids of its peers. */
  readonly peers: readonly string[];
  readonly ejection: EjectionPolicy;
}

/** Flat lists are as in the messages of the same names. Commands for unknown workers are ignored. */
export type Command =
  | { readonly kind: 'install'; readonly upstreams: readonly UpstreamSpec[] }
  | { readonly kind: 'join'; readonly worker: number; readonly slot: number }
  /** The worker or its link is gone: its share of every counter goes at once. */
  | { readonly kind: 'leave'; readonly worker: number }
  | ({ readonly kind: 'peers'; readonly worker: number } & NamesArguments)
  | ({ readonly kind: 'counters'; readonly worker: number } & CountersArguments)
  /** Time has passed: ejections that are over end. */
  | { readonly kind: 'tick' };

interface NamesArguments {
  readonly sequence: number;
  readonly first: number;
  readonly ids: readonly string[];
}

interface CountersArguments {
  readonly sequence: number;
  readonly baseline: boolean;
  readonly inFlight: readonly number[];
  readonly outcomes: readonly number[];
  readonly ejected: readonly number[];
}

/** Applies a command at the monotonic time `atMs`. Never throws on what a worker sent. */
export function apply(state: SharedState, command: Command, atMs: number): void {
  switch (command.kind) {
    case 'install':
      install(state, command.upstreams, atMs);
      return;
    case 'join':
      join(state, command.worker, command.slot);
      return;
    case 'leave':
      leave(state, command.worker);
      return;
    case 'peers': {
      const worker = state.workers.get(command.worker);
      if (worker !== undefined) namePeers(state, worker, command);
      return;
    }
    case 'counters': {
      const worker = state.workers.get(command.worker);
      if (worker !== undefined) count(state, worker, command, atMs);
      return;
    }
    case 'tick':
      endEjections(state, atMs);
      return;
  }
}

/** Peers that stay keep their counters and ejections; a smaller upstream may have to take some back. */
function install(state: SharedState, specs: readonly UpstreamSpec[], atMs: number): void {
  for (const upstream of state.upstreams.values()) {
    for (const peer of upstream.peers) peer.upstream = null;
  }
  const before = [...state.upstreams.values()].flatMap((upstream) => upstream.peers);
  state.upstreams.clear();
  for (const spec of specs) {
    const peers = [...new Set(spec.peers)].map((id) => peerOf(state, id));
    const ejected = peers.filter((peer) => !isHealthy(peer)).length;
    const upstream: UpstreamState = { name: spec.name, policy: spec.ejection, peers, ejected };
    for (const peer of peers) peer.upstream = upstream;
    state.upstreams.set(spec.name, upstream);
    restoreSurplus(state, upstream, atMs);
  }
  for (const peer of before) {
    if (peer.upstream !== null) continue;
    if (!isHealthy(peer)) {
      restore(peer.ejection, atMs);
      touch(state, peer);
    }
    dropUnused(state, peer);
  }
}

/** A worker that is known already comes again on a new link: its cells stay, all is told again. */
function join(state: SharedState, generation: number, slot: number): void {
  const known = state.workers.get(generation);
  if (known === undefined) {
    const cellOf = new Map<PeerState, Cell>();
    state.workers.set(generation, {
      slot,
      cells: [],
      cellOf,
      waiting: 0,
      sequence: 0,
      behind: true,
    });
    return;
  }
  known.behind = true;
  for (const cell of known.cellOf.values()) renew(state, cell, cell.namedAt);
}

function leave(state: SharedState, generation: number): void {
  const worker = state.workers.get(generation);
  if (worker === undefined) return;
  state.workers.delete(generation);
  for (const cell of worker.cellOf.values()) detach(state, cell);
}

function namePeers(state: SharedState, worker: WorkerState, names: NamesArguments): void {
  worker.sequence = Math.max(worker.sequence, names.sequence);
  for (let at = 0; at < names.ids.length; at++) {
    const number = names.first + at;
    const id = names.ids[at]!;
    const cell = worker.cells[number];
    if (cell !== undefined) {
      if (names.sequence <= cell.namedAt) continue;
      if (cell.id === id) {
        renew(state, cell, names.sequence);
        continue;
      }
      takeName(state, worker, cell);
    }
    const named = createCell(number, id, names.sequence);
    worker.cells[number] = named;
    attach(state, worker, named);
  }
}

/** The worker ignores what it was told before it gave the name (again): all is told anew. */
function renew(state: SharedState, cell: Cell, namedAt: number): void {
  cell.namedAt = namedAt;
  cell.toldInFlight = -1;
  cell.toldHealth = -1;
  if (cell.peer !== null) touch(state, cell.peer);
}

/**
 * Two numbers of a worker for one peer (it was taken out of the configuration and put back while its
 * attempts ran): the second waits, with its counters, until the first is given up.
 */
function attach(state: SharedState, worker: WorkerState, cell: Cell): void {
  if (cell.id === '') return;
  const peer = peerOf(state, cell.id);
  if (worker.cellOf.has(peer)) {
    worker.waiting += 1;
    return;
  }
  worker.cellOf.set(peer, cell);
  cell.peer = peer;
  peer.cells += 1;
  peer.inFlight += cell.inFlight;
  touch(state, peer);
}

function takeName(state: SharedState, worker: WorkerState, cell: Cell): void {
  if (cell.peer === null) {
    if (cell.id !== '') worker.waiting -= 1;
    return;
  }
  worker.cellOf.delete(cell.peer);
  detach(state, cell);
  if (worker.waiting === 0) return;
  const isHeir = (other: Cell | undefined) => other?.id === cell.id && other !== cell;
  const heir = worker.cells.find(isHeir);
  if (heir === undefined) return;
  worker.waiting -= 1;
  attach(state, worker, heir);
}

function detach(state: SharedState, cell: Cell): void {
  const peer = cell.peer!;
  cell.peer = null;
  peer.cells -= 1;
  if (cell.inFlight !== 0) {
    peer.inFlight -= cell.inFlight;
    touch(state, peer);
  }
  dropUnused(state, peer);
}

function count(
  state: SharedState,
  worker: WorkerState,
  counters: CountersArguments,
  atMs: number,
): void {
  const { sequence, inFlight, outcomes, ejected } = counters;
  worker.sequence = Math.max(worker.sequence, sequence);
  for (let at = 0; at < inFlight.length; at += 2) {
    const cell = worker.cells[inFlight[at]!];
    if (cell === undefined) continue;
    if (sequence <= cell.countedAt || sequence < cell.namedAt) continue;
    cell.countedAt = sequence;
    const now = inFlight[at + 1]!;
    if (cell.peer !== null && now !== cell.inFlight) {
      cell.peer.inFlight += now - cell.inFlight;
      touch(state, cell.peer);
    }
    cell.inFlight = now;
  }
  for (let at = 0; at < ejected.length; at += 3) {
    const cell = worker.cells[ejected[at]!];
    if (cell === undefined || cell.peer === null) continue;
    if (sequence <= cell.adoptedAt || sequence < cell.namedAt) continue;
    cell.adoptedAt = sequence;
    adopt(state, cell.peer, { times: ejected[at + 1]!, leftMs: ejected[at + 2]!, atMs });
  }
  for (let at = 0; at < outcomes.length; at += 4) {
    const cell = worker.cells[outcomes[at]!];
    if (cell === undefined) continue;
    if (sequence <= cell.judgedAt || sequence < cell.namedAt) continue;
    cell.judgedAt = sequence;
    judge(state, cell, {
      failures: outcomes[at + 1]!,
      resets: outcomes[at + 2]!,
      run: outcomes[at + 3]!,
      baseline: counters.baseline,
      atMs,
    });
  }
}
