// What an attempt says about its peer, and the exchange about its upstream: told to the shared state as it
// happens. A client's mistake is never held against a peer.
//
//   peers: every attempt counts. Statuses of 500 and above, those of `retry.statuses` and the peer's
//   failures are errors (success rates); failures, 502, 503, 504 and those statuses also stand in the row
//   that leads to ejection.
//   guards: every exchange counts once, by its last attempt (circuit breaker).

import type { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { PeerReports } from './hold.ts';

/** The response head of `exchange.peer` is there. */
export function noteHead(exchange: Exchange, reports: PeerReports): void {
  const { guard } = exchange.peer!.group;
  guard.answers += 1;
  if (isError(exchange)) {
    guard.errors += 1;
    if (guard.isWatched) reports.erred(guard);
  }
  noteAnswer(exchange, reports);
}

/** What the response head says about the peer alone, as for an attempt that no client waits for. */
export function noteAnswer(exchange: Exchange, reports: PeerReports): void {
  const peer = exchange.peer!;
  peer.answers += 1;
  if (isError(exchange)) {
    peer.errors += 1;
    if (isFailure(exchange)) {
      peer.failures += 1;
      reports.failed(peer, null);
      return;
    }
  }
  // A peer whose last response broke off is not acquitted by a head alone.
  if (!peer.isBreaking) reports.succeeded(peer);
}

/** The response of `exchange.peer` has come to its end. */
export function noteBody(exchange: Exchange, reports: PeerReports): void {
  const peer = exchange.peer!;
  if (!peer.isBreaking || isError(exchange)) return;
  peer.isBreaking = false;
  reports.succeeded(peer);
}

/** The attempt at `exchange.peer` came to nothing; another one may follow. */
export function noteFailure(exchange: Exchange, error: ProxyError, reports: PeerReports): void {
  if (error.failure.source !== 'peer') return;
  const peer = exchange.peer!;
  peer.answers += 1;
  peer.errors += 1;
  peer.failures += 1;
  reports.failed(peer, error);
}

/** No attempt follows a failed one. */
export function noteEnd(exchange: Exchange, error: ProxyError, reports: PeerReports): void {
  if (error.failure.source !== 'peer') return;
  const { guard } = exchange.peer!.group;
  guard.answers += 1;
  guard.errors += 1;
  if (guard.isWatched) reports.erred(guard);
}

/** The response broke off after its head. */
export function noteBreak(exchange: Exchange, error: ProxyError, reports: PeerReports): void {
  if (error.failure.source !== 'peer') return;
  const peer = exchange.peer!;
  peer.isBreaking = true;
  peer.failures += 1;
  // Its head was counted already, as an error or not.
  if (!isError(exchange)) {
    peer.errors += 1;
    peer.group.guard.errors += 1;
  }
  reports.failed(peer, error);
}

function isError(exchange: Exchange): boolean {
  return exchange.status >= 500 || isListed(exchange);
}

/** Answers that stand for a peer that can't do its work, whatever it is asked. */
function isFailure(exchange: Exchange): boolean {
  const { status } = exchange;
  return status === 502 || status === 503 || status === 504 || isListed(exchange);
}

function isListed({ plan, status }: Exchange): boolean {
  return plan?.failingStatuses?.has(status) === true;
}
