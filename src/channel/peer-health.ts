// Which peers get work: what active checks say AND what real traffic says, over all workers. The rules for
// one peer are in check-record, ejection and outliers; here is what they mean for an upstream.
//
// **Invariant:** of the installed peers of an upstream at most half are ejected; and ejections never take
// the last one: where one peer is not down, one peer is healthy.

import { noteCheck } from './check-record.ts';
import { eject, hasRoom, isDue, restore } from './ejection.ts';
import { suspectFlag } from './messages.ts';
import { findOutliers } from './outliers.ts';
import {
  type Cell,
  type PeerState,
  type SharedState,
  touch,
  type UpstreamState,
  type Verdict,
} from './shared-state.ts';

/** Tells whether real traffic has put the peer out of service for a while. */
export function isEjected(peer: PeerState): boolean {
  return peer.ejection.untilMs !== 0;
}

/** Tells the verdict that every worker is to follow. A peer that was never checked is usable. */
export function isHealthy(peer: PeerState): boolean {
  return peer.ejection.untilMs === 0 && peer.check.state !== 'down';
}

/** Returns why a peer gets no work, '' when it does. */
export function reasonOf({ verdict, check, ejection }: PeerState): string {
  const { why } = check;
  if (verdict === 'healthy') return '';
  if (verdict === 'down') return `check: ${why}`;
  return verdict === 'ejected' ? ejection.why : `check: ${why}; ${ejection.why}`;
}

/** Returns when the next ejection ends, or Infinity. */
export function nextEjectionEndMs(state: SharedState): number {
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
  while (upstream.ejected > 0 && !isBearable(upstream)) {
    let first: PeerState | null = null;
    for (const peer of upstream.peers) {
      if (!isEjected(peer)) continue;
      // One that is down as well is no help when nobody is left.
      if (first === null || orderOf(peer) < orderOf(first)) first = peer;
    }
    putBack(state, first!, atMs);
  }
}

function isBearable({ peers, ejected }: UpstreamState): boolean {
  if (!hasRoom(peers.length, ejected - 1)) return false;
  return peers.some(isHealthy) || peers.every(({ check }) => check.state === 'down');
}

function orderOf({ check, ejection }: PeerState): number {
  return ejection.untilMs + (check.state === 'down' ? Number.MAX_SAFE_INTEGER : 0);
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
  if (peer.upstream !== null && isDue(record, peer.upstream.spec.ejection)) {
    tryEject(state, peer, { why: `${record.run} failures in a row`, atMs: outcome.atMs });
  }
  touch(state, peer);
}

/** Compares the success rates of the peers of an upstream and ejects those that are far below. */
export function compare(state: SharedState, upstream: UpstreamState, atMs: number): void {
  const policy = upstream.spec.outlier;
  upstream.comparedAtMs = atMs;
  if (policy === null || upstream.peers.length < policy.peersMin) return;
  const traffic = upstream.peers
    .filter((peer) => !isEjected(peer))
    .map((peer) => ({ peer, ...peer.traffic.sumAt(atMs) }));
  for (const { peer, rate, mean } of findOutliers(traffic, policy)) {
    const why = `${percent(rate)} of the requests succeed, ${percent(mean)} at the average peer`;
    tryEject(state, peer, { why, atMs });
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** Takes the outcome of an active check; the configuration of its upstream may be gone meanwhile. */
export function check(
  state: SharedState,
  peer: PeerState,
  outcome: { readonly good: boolean; readonly why: string; readonly atMs: number },
): void {
  const policy = peer.upstream?.spec.checks ?? null;
  if (policy === null) return;
  const before = peer.check.state;
  noteCheck(peer.check, policy, outcome);
  if (peer.check.state !== before) checked(state, peer, outcome.atMs);
}

/** Follows what another process has found out by checks. */
export function mark(
  state: SharedState,
  peer: PeerState,
  { down, atMs }: { readonly down: boolean; readonly atMs: number },
): void {
  if (peer.upstream === null) return;
  const isDown = down && peer.upstream.spec.checks !== null;
  if (isDown === (peer.check.state === 'down')) return;
  peer.check.state = isDown ? 'down' : 'unknown';
  peer.check.run = 0;
  if (isDown && peer.check.why === '') peer.check.why = 'down before the sidecar started';
  checked(state, peer, atMs);
}

function checked(state: SharedState, peer: PeerState, atMs: number): void {
  // It starts anew: what it did before is no argument any more.
  peer.traffic.clear();
  note(state, peer, atMs);
  restoreSurplus(state, peer.upstream!, atMs);
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
    if (isEjected(peer)) putBack(state, peer, atMs);
    return;
  }
  if (!isEjected(peer)) {
    if (!maySpare(peer)) return;
    peer.upstream.ejected += 1;
    record.why = 'ejected before the sidecar started';
  }
  record.times = Math.max(record.times, times);
  record.untilMs = Math.max(record.untilMs, atMs + leftMs);
  record.run = 0;
  note(state, peer, atMs);
}

/** Puts back every peer whose ejection is over. */
export function endEjections(state: SharedState, atMs: number): void {
  for (const upstream of state.upstreams.values()) {
    if (upstream.ejected === 0) continue;
    for (const peer of upstream.peers) {
      if (isEjected(peer) && peer.ejection.untilMs <= atMs) putBack(state, peer, atMs);
    }
  }
}

/** A peer is no longer configured: nobody judges it any more. */
export function acquit(state: SharedState, peer: PeerState, atMs: number): void {
  restore(peer.ejection, atMs);
  peer.check.state = 'unknown';
  peer.check.run = 0;
  note(state, peer, atMs);
}

function tryEject(
  state: SharedState,
  peer: PeerState,
  cause: { readonly why: string; readonly atMs: number },
): void {
  const upstream = peer.upstream!;
  if (isEjected(peer) || !maySpare(peer)) return;
  eject(peer.ejection, upstream.spec.ejection, cause);
  upstream.ejected += 1;
  note(state, peer, cause.atMs);
}

/** Tells whether the upstream can do without this peer. */
function maySpare(peer: PeerState): boolean {
  const { peers, ejected } = peer.upstream!;
  if (!hasRoom(peers.length, ejected)) return false;
  if (peer.check.state === 'down') return true;
  return peers.some((other) => other !== peer && isHealthy(other));
}

function putBack(state: SharedState, peer: PeerState, atMs: number): void {
  restore(peer.ejection, atMs);
  peer.traffic.clear();
  peer.upstream!.ejected -= 1;
  note(state, peer, atMs);
}

/** The health of a peer may have changed: keeps the verdict and since when, and marks it for the diff. */
function note(state: SharedState, peer: PeerState, atMs: number): void {
  const verdict = verdictOf(peer);
  if (verdict !== peer.verdict) {
    peer.verdict = verdict;
    peer.verdictAtMs = atMs;
  }
  touch(state, peer);
}

function verdictOf(peer: PeerState): Verdict {
  if (peer.check.state === 'down') return isEjected(peer) ? 'down and ejected' : 'down';
  return isEjected(peer) ? 'ejected' : 'healthy';
}
