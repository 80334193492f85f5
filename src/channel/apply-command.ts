// Commands on the shared state: the one way it changes. Time is an argument; sockets, timers and messages
// are elsewhere. Run by the sidecar and, over itself alone, by every worker.
//
// **Invariant:** commands of one worker carry sequences; applying one twice, or late, changes nothing.

import { guardId } from '../core/upstream-guard.ts';
import { adoptTimes, createBreakerRecord, noteTraffic, passTime } from './breaker.ts';
import { join, leave, type NamesArguments, namePeers } from './cells.ts';
import {
  acquit,
  adopt,
  check,
  compare,
  endEjections,
  isEjected,
  judge,
  mark,
  nextEjectionEndMs,
  restoreSurplus,
} from './peer-health.ts';
import {
  dropUnused,
  peerOf,
  type SharedState,
  setBreaker,
  touch,
  type UpstreamSpec,
  type UpstreamState,
  type WorkerState,
} from './shared-state.ts';
import { TrafficWindow } from './traffic-window.ts';

/** Flat lists are as in the messages of the same names. Commands for unknown workers are ignored. */
export type Command =
  | { readonly kind: 'install'; readonly upstreams: readonly UpstreamSpec[] }
  | { readonly kind: 'join'; readonly worker: number; readonly slot: number }
  /** The worker or its link is gone: its share of every counter goes at once. */
  | { readonly kind: 'leave'; readonly worker: number }
  | ({ readonly kind: 'peers'; readonly worker: number } & NamesArguments)
  | ({ readonly kind: 'counters'; readonly worker: number } & CountersArguments)
  /** An active check of a peer has ended. */
  | { readonly kind: 'check'; readonly peer: string; readonly good: boolean; readonly why: string }
  /** Another process has found out by checks that a peer is down, or is not. */
  | { readonly kind: 'mark'; readonly peer: string; readonly down: boolean }
  /** Time has passed: ejections and phases of breakers that are over end. */
  | { readonly kind: 'tick' };

interface CountersArguments {
  readonly sequence: number;
  readonly baseline: boolean;
  readonly inFlight: readonly number[];
  readonly outcomes: readonly number[];
  readonly ejected: readonly number[];
  readonly down: readonly number[];
  readonly traffic: readonly number[];
}

/** Success rates of an upstream are compared this often, while there is traffic. */
const compareEveryMs = 1000;

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
    case 'check': {
      const peer = state.peers.get(command.peer);
      if (peer !== undefined) check(state, peer, { ...command, atMs });
      return;
    }
    case 'mark': {
      const peer = state.peers.get(command.peer);
      if (peer !== undefined) mark(state, peer, { down: command.down, atMs });
      return;
    }
    case 'tick':
      endEjections(state, atMs);
      for (const { guard } of state.upstreams.values()) {
        while (guard.breaker !== null && passTime(guard.breaker, atMs)) touch(state, guard);
      }
      return;
  }
}

/** Returns when the next ejection or phase of a breaker ends, or Infinity. */
export function nextDueMs(state: SharedState): number {
  let dueMs = nextEjectionEndMs(state);
  for (const { guard } of state.upstreams.values()) {
    if (guard.breaker !== null) dueMs = Math.min(dueMs, guard.breaker.untilMs);
  }
  return dueMs;
}

/** Peers that stay keep their counters and verdicts; a smaller upstream may have to take some back. */
function install(state: SharedState, specs: readonly UpstreamSpec[], atMs: number): void {
  const before = [...state.upstreams.values()];
  for (const { peers, guard } of before) {
    for (const peer of peers) peer.upstream = null;
    guard.guards = null;
  }
  state.upstreams.clear();
  for (const spec of specs) state.upstreams.set(spec.name, installOne(state, spec, atMs));
  for (const peer of before.flatMap(({ peers }) => peers)) {
    if (peer.upstream !== null) continue;
    acquit(state, peer, atMs);
    dropUnused(state, peer);
  }
  for (const { guard } of before) {
    if (guard.guards !== null) continue;
    setBreaker(state, guard, null);
    touch(state, guard);
    dropUnused(state, guard);
  }
}

function installOne(state: SharedState, spec: UpstreamSpec, atMs: number): UpstreamState {
  const peers = [...new Set(spec.peers)].map((id) => peerOf(state, id));
  const guard = peerOf(state, guardId(spec.name));
  const ejected = peers.filter(isEjected).length;
  const upstream: UpstreamState = { spec, peers, guard, ejected, comparedAtMs: 0 };
  const windowMs = spec.outlier?.windowMs;
  for (const peer of peers) {
    peer.upstream = upstream;
    if (peer.verdictAtMs === 0) peer.verdictAtMs = atMs;
    if (windowMs !== undefined && peer.traffic.windowMs !== windowMs) {
      peer.traffic = new TrafficWindow(windowMs);
    }
  }
  // Only now: what a verdict changes may concern the others.
  if (spec.checks === null) for (const peer of peers) mark(state, peer, { down: false, atMs });
  guard.guards = upstream;
  if (spec.breaker === null) setBreaker(state, guard, null);
  else if (!isSame(guard.breaker?.policy ?? null, spec.breaker)) {
    setBreaker(state, guard, createBreakerRecord(spec.breaker, atMs));
  }
  touch(state, guard);
  restoreSurplus(state, upstream, atMs);
  return upstream;
}

/** A breaker whose settings change starts anew, closed. */
function isSame(one: object | null, other: object): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function count(
  state: SharedState,
  worker: WorkerState,
  counters: CountersArguments,
  atMs: number,
): void {
  const { sequence, inFlight, outcomes, baseline } = counters;
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
  adoptAll(state, worker, counters, atMs);
  for (let at = 0; at < outcomes.length; at += 4) {
    const cell = worker.cells[outcomes[at]!];
    if (cell === undefined) continue;
    if (sequence <= cell.judgedAt || sequence < cell.namedAt) continue;
    cell.judgedAt = sequence;
    const [failures, resets, run] = [outcomes[at + 1]!, outcomes[at + 2]!, outcomes[at + 3]!];
    judge(state, cell, { failures, resets, run, baseline, atMs });
  }
  takeTraffic(state, worker, counters, atMs);
}

/** What a worker was told by a sidecar that is gone. */
function adoptAll(
  state: SharedState,
  worker: WorkerState,
  { sequence, baseline, ejected, down }: CountersArguments,
  atMs: number,
): void {
  for (const number of down) {
    const peer = worker.cells[number]?.peer ?? null;
    // Who has checked since knows better.
    if (peer?.check.state === 'unknown') mark(state, peer, { down: true, atMs });
  }
  for (let at = 0; at < ejected.length; at += 3) {
    const cell = worker.cells[ejected[at]!];
    if (cell === undefined || cell.peer === null) continue;
    if (sequence <= cell.adoptedAt || sequence < cell.namedAt) continue;
    cell.adoptedAt = sequence;
    const { peer } = cell;
    const [times, leftMs] = [ejected[at + 1]!, ejected[at + 2]!];
    if (peer.breaker === null) adopt(state, peer, { times, leftMs, atMs });
    else if (baseline && peer.breaker.phase !== 'closed') continue;
    else if (adoptTimes(peer.breaker, { openLeftMs: leftMs, closedLeftMs: times }, atMs)) {
      touch(state, peer);
    }
  }
}

function takeTraffic(
  state: SharedState,
  worker: WorkerState,
  { sequence, baseline, traffic }: CountersArguments,
  atMs: number,
): void {
  const upstreams = new Set<UpstreamState>();
  for (let at = 0; at < traffic.length; at += 3) {
    const cell = worker.cells[traffic[at]!];
    if (cell === undefined) continue;
    if (sequence <= cell.trafficAt || sequence < cell.namedAt) continue;
    cell.trafficAt = sequence;
    const answers = Math.max(0, traffic[at + 1]! - cell.answers);
    const errors = Math.min(answers, Math.max(0, traffic[at + 2]! - cell.errors));
    cell.answers = traffic[at + 1]!;
    cell.errors = traffic[at + 2]!;
    const { peer } = cell;
    if (peer === null || baseline || answers === 0) continue;
    if (peer.breaker === null) peer.traffic.add({ answers, errors }, atMs);
    else if (noteTraffic(peer.breaker, { answers, errors }, atMs)) touch(state, peer);
    if (peer.upstream !== null) upstreams.add(peer.upstream);
  }
  for (const upstream of upstreams) {
    if (atMs - upstream.comparedAtMs >= compareEveryMs) compare(state, upstream, atMs);
  }
}
