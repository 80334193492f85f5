// Which worker calls which peer by which number: the cells of the shared state, as workers come, name
// their peers and go.

import {
  type Cell,
  createCell,
  dropUnused,
  type PeerState,
  peerOf,
  type SharedState,
  touch,
  type WorkerState,
} from './shared-state.ts';

export interface NamesArguments {
  readonly sequence: number;
  readonly first: number;
  readonly ids: readonly string[];
}

/** A worker that is known already comes again on a new link: its cells stay, all is told again. */
export function join(state: SharedState, generation: number, slot: number): void {
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

/** The share of a worker that is gone goes at once. */
export function leave(state: SharedState, generation: number): void {
  const worker = state.workers.get(generation);
  if (worker === undefined) return;
  state.workers.delete(generation);
  for (const cell of worker.cellOf.values()) detach(state, cell);
}

/** Takes names; those of numbers that have one already replace it. */
export function namePeers(state: SharedState, worker: WorkerState, names: NamesArguments): void {
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
