// Which peers get work: the runs of failures over all workers and the ejections that follow. Active
// checks and outliers by success rate will have their say here too; the rules for one peer are in ejection.
//
// **Invariant:** of the installed peers of an upstream at most half are ejected, and never the only one.

import { eject, hasRoom, isDue, restore } from './ejection.ts';
import { suspectFlag } from './messages.ts';
import {
  type Cell,
  type PeerState,
  type SharedState,
  touch,
  type UpstreamState,
} from './shared-state.ts';

/** Tells the verdict that every worker is to follow. Active checks will have their say here. */
export function isHealthy(peer: PeerState): boolean {
  return peer.ejection.untilMs === 0;
}

/** Returns when the next ejection ends, or Infinity. */
export function nextDueMs(state: SharedState): number {
  let dueMs = Number.POSITIVE_INFINITY;
  for (const upstream of state.upstreams.values()) {
    if (upstream.ejected === 0) continue;
    for (const { ejection } of upstream.peers) {
      if (ejection.untilMs !== 0) dueMs = Math.min(dueMs, ejection.untilMs);
    }
  }
  return dueMs;
}

/** Puts peers back until no more are out than may be: those first that would come first anyway. */
export function restoreSurplus(state: SharedState, upstream: UpstreamState, atMs: number): void {
  while (upstream.ejected > 0 && !hasRoom(upstream.peers.length, upstream.ejected - 1)) {
    let first: PeerState | null = null;
    for (const peer of upstream.peers) {
      if (isHealthy(peer)) continue;
      if (first === null || peer.ejection.untilMs < first.ejection.untilMs) first = peer;
    }
    putBack(state, first!, atMs);
  }
}

interface Outcome {
  readonly failures: number;
  readonly resets: number;
  readonly run: number;
  readonly baseline: boolean;
  readonly atMs: number;
}

/**
 * Puts one worker's outcomes into the run of all. A success anywhere ends the run; within one batch the
 * order between workers is unknown, so what counts after it are that worker's own failures since.
 */
export function judge(state: SharedState, cell: Cell, outcome: Outcome): void {
  const didReset = outcome.resets !== cell.resets;
  const failed = Math.max(0, outcome.failures - cell.failures);
  cell.failures = outcome.failures;
  cell.resets = outcome.resets;
  const { peer } = cell;
  if (peer === null) return;
  const record = peer.ejection;
  if (outcome.baseline) record.run = Math.max(record.run, outcome.run);
  else if (didReset) record.run = outcome.run;
  else record.run += failed;
  // The worker has drawn its own conclusion from news: it is told again only where the truth differs.
  if (outcome.baseline) cell.toldHealth = -1;
  else if (cell.toldHealth !== -1) {
    const others = cell.toldHealth & ~suspectFlag;
    cell.toldHealth = outcome.run > 0 ? others | suspectFlag : others;
  }
  // What still fails or succeeds was sent before the ejection.
  if (record.untilMs !== 0) record.run = 0;
  if (peer.upstream !== null && isDue(record, peer.upstream.policy)) {
    if (hasRoom(peer.upstream.peers.length, peer.upstream.ejected)) {
      eject(record, peer.upstream.policy, outcome.atMs);
      peer.upstream.ejected += 1;
    }
  }
  touch(state, peer);
}

/** Takes over an ejection that another process has ordered, or with nothing left of it, has ended. */
export function adopt(
  state: SharedState,
  peer: PeerState,
  { times, leftMs, atMs }: { times: number; leftMs: number; atMs: number },
): void {
  const record = peer.ejection;
  if (peer.upstream === null) return;
  if (leftMs === 0) {
    if (!isHealthy(peer)) putBack(state, peer, atMs);
    return;
  }
  if (isHealthy(peer)) {
    if (!hasRoom(peer.upstream.peers.length, peer.upstream.ejected)) return;
    peer.upstream.ejected += 1;
  }
  record.times = Math.max(record.times, times);
  record.untilMs = Math.max(record.untilMs, atMs + leftMs);
  record.run = 0;
  touch(state, peer);
}

/** Puts back every peer whose ejection is over. */
export function endEjections(state: SharedState, atMs: number): void {
  for (const upstream of state.upstreams.values()) {
    if (upstream.ejected === 0) continue;
    for (const peer of upstream.peers) {
      if (!isHealthy(peer) && peer.ejection.untilMs <= atMs) putBack(state, peer, atMs);
    }
  }
}

function putBack(state: SharedState, peer: PeerState, atMs: number): void {
  restore(peer.ejection, atMs);
  peer.upstream!.ejected -= 1;
  touch(state, peer);
}
