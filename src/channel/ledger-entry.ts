// What a ledger knows about one of its numbers, and how a peer or a guard follows what is reported of it.

import type { Peer } from '../core/peer.ts';
import type { UpstreamGuard } from '../core/upstream-guard.ts';
import { downFlag, ejectedFlag, suspectFlag } from './messages.ts';

/** What has a number: a peer, or the guard of an upstream, whose attempts in flight are retries. */
export type Counted = Peer | UpstreamGuard;

/** One number of a ledger. */
export interface Entry {
  readonly counted: Counted;
  readonly number: number;
  /** Sequence of the message that named it; Infinity before that. */
  namedAt: number;
  /** No configuration names the peer any more: the number is free when its last attempt ends. */
  retired: boolean;
  /** Sequence of the message with its last outcome; Infinity before that is written. */
  judgedAt: number;
  failures: number;
  resets: number;
  run: number;
  /** What `counted` had counted when it got the number, and when it was told last. */
  readonly answersBefore: number;
  readonly errorsBefore: number;
  answersTold: number;
}

/** Creates the entry of a number that has just been given. */
export function createEntry(counted: Counted, number: number): Entry {
  return {
    counted,
    number,
    namedAt: Number.POSITIVE_INFINITY,
    retired: false,
    judgedAt: 0,
    failures: 0,
    resets: 0,
    run: 0,
    answersBefore: counted.answers,
    errorsBefore: counted.errors,
    answersTold: counted.answers,
  };
}

/** Returns a group of `Counters.traffic`, and notes it as told. */
export function trafficOf(entry: Entry): number[] {
  const { counted, number, answersBefore, errorsBefore } = entry;
  entry.answersTold = counted.answers;
  return [number, counted.answers - answersBefore, counted.errors - errorsBefore];
}

/** What others have in flight; the group of a peer knows the sum. */
export function believe(counted: Counted, inFlightElsewhere: number): void {
  if ('group' in counted) {
    counted.group.inFlightElsewhere += inFlightElsewhere - counted.inFlightElsewhere;
  }
  counted.inFlightElsewhere = inFlightElsewhere;
}

/** Follows the verdict on a peer. */
export function followPeer(
  entry: Entry,
  peer: Peer,
  news: { readonly flags: number; readonly isOutdated: boolean },
): void {
  const { flags, isOutdated } = news;
  peer.healthy = (flags & (ejectedFlag | downFlag)) === 0;
  if (isOutdated) return;
  if ((flags & suspectFlag) !== 0) {
    // Not a count of this worker's: it makes the next success worth telling.
    peer.failuresInRow = Math.max(1, peer.failuresInRow);
  } else {
    peer.failuresInRow = 0;
    entry.run = 0;
  }
}

/** Follows the times of a breaker. */
export function followBreaker(
  guard: UpstreamGuard,
  openLeftMs: number,
  closedLeftMs: number,
  nowMs: number,
): void {
  guard.openUntilMs = openLeftMs > 0 ? nowMs + openLeftMs : 0;
  guard.rampUntilMs = closedLeftMs > 0 ? nowMs + closedLeftMs : 0;
}
