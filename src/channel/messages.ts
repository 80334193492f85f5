// What workers and the sidecar say to each other: two closed unions. A worker sends commands and
// answers; the sidecar sends reports and questions. Parsing of what arrives is in parse-message.
//
//   worker                     sidecar      Peers go by number: a worker names its peers once
//     │── hello ─────────────────►│         (`peers`), and both sides use its numbers from then on.
//     │◄──────────────── welcome ─│         Everything that changes the shared state carries a
//     │── peers, counters… ──────►│         sequence that only grows in a worker's life, over all
//     │◄───────────── report … ───│         its links; values are absolute. So a frame that comes
//     │◄───────────── scrape ─────│         twice changes nothing, and a new sidecar knows
//     │── metrics ───────────────►│         everything after one full round.
//     │◄─ wanted, sessions… ─────►│
//
// A count is known to the others after at most two intervals (worker to sidecar, sidecar to workers) of
// 10 ms each, 1 ms each after a pause, plus what the event loops are late.
//
// Cost per worker and batch, in bytes (up, down) and µs of CPU without system calls (worker out, sidecar
// in, sidecar out, worker in); Node 22.23, one busy core of a shared machine, November 2026:
//
//   64 workers × 1,000 peers, all changed    3,689 B  5,659 B    67  55  90  57
//   64 workers × 1,000 peers, 20 changed       146 B    207 B   4.8 5.4  11 5.7
//   16 workers × 10 peers, all changed          95 B     94 B   1.6 1.6 1.3 2.9
//
// A full round of 1,000 peers is 30 kB; the state of 64 × 1,000 takes 38 MiB with all ledgers. A sidecar
// that can't keep up answers later, and workers send the less often (client).

import type { CacheToSidecar, SidecarToCache } from '../core/cache-link.ts';
import type { CertificateAnswer, CertificateWanted } from '../core/certificate-link.ts';
import type { Leases } from './lease-batch.ts';

/** The first message of a link. */
export interface Hello {
  readonly kind: 'hello';
  readonly protocol: number;
  /** Slot of the worker, 0…cores-1. */
  readonly slot: number;
  readonly pid: number;
  /** Random number of this process, so that a replacement in the same slot is told apart. */
  readonly generation: number;
  /** Counts the links of this process; of two, the higher is the true one. */
  readonly connection: number;
}

/** Names peers: number `first + i` is `ids[i]` from now on; '' takes the name away. */
export interface PeerNames {
  readonly kind: 'peers';
  readonly sequence: number;
  readonly first: number;
  readonly ids: readonly string[];
}

/** What changed at this worker's peers since its last message; flat lists, in groups as written. */
export interface Counters {
  readonly kind: 'counters';
  readonly sequence: number;
  /** The first of a link: outcomes are where to count from, not news. */
  readonly baseline: boolean;
  /** number, attempts in flight. */
  readonly inFlight: readonly number[];
  /** number, failures ever, times that a success ended a row of failures, failures in row. */
  readonly outcomes: readonly number[];
  /** number, times ejected, ms left: what a worker knows that a new sidecar may not. Of a guard: see Report. */
  readonly ejected: readonly number[];
  /** number: peers that an active check has taken out, for a new sidecar. */
  readonly down: readonly number[];
  /** number, outcomes known ever, errors among them; peers once a second, guards at once. */
  readonly traffic: readonly number[];
}

/** What this worker serves; sent when it changes. */
export interface WorkerStatus {
  readonly kind: 'status';
  /** Active configuration version, -1 for none yet. */
  readonly version: number;
  readonly draining: boolean;
}

/** One part of the answer to `scrape`; a snapshot (opaque here) is cut because frames are bounded. */
export interface MetricsPart {
  readonly kind: 'metrics';
  readonly id: number;
  readonly part: number;
  /** Number of parts; 0 when there is no snapshot. */
  readonly parts: number;
  readonly bytes: Uint8Array;
}

/** Tells which sessions the sender keeps: it is to be told all of those upstreams, and what changes. */
export interface SessionsWanted {
  readonly kind: 'wanted';
  readonly upstreams: readonly string[];
}

/** Sessions of one upstream and the peers that they are on; in both directions (stick-tables). */
export interface SessionPage {
  readonly kind: 'sessions';
  readonly upstream: string;
  readonly peers: readonly string[];
  /** As in stick-page. */
  readonly records: Uint8Array;
}

/** All sessions of an upstream that the sender had when they were wanted have been sent. */
export interface SessionsComplete {
  readonly kind: 'complete';
  readonly upstream: string;
}

/** What both ends may say about sessions. */
export type SessionMessage = SessionsWanted | SessionPage | SessionsComplete;

/** Requests that one worker let pass under shared rate limits; the sidecar passes it on to all others. */
export interface Spent {
  readonly kind: 'spent';
  /** Opaque here; at most `spentBytesMax`. */
  readonly records: Uint8Array;
}

export type WorkerToSidecar =
  | Hello
  | PeerNames
  | Counters
  | WorkerStatus
  | MetricsPart
  | SessionMessage
  | Spent
  | CertificateWanted
  | Leases
  | CacheToSidecar;

/** The answer to `hello`. */
export interface Welcome {
  readonly kind: 'welcome';
  readonly protocol: number;
  readonly pid: number;
}

/** Why a link is closed by the sidecar. */
export const goodbyeReasons = ['protocol', 'replaced', 'full', 'closing'] as const;
export type GoodbyeReason = (typeof goodbyeReasons)[number];

export interface Goodbye {
  readonly kind: 'goodbye';
  readonly reason: GoodbyeReason;
}

/** What changed for one worker since its last report; flat lists in groups as written. */
export interface Report {
  readonly kind: 'report';
  /** Highest sequence applied before this report was made; names given later are not meant by it. */
  readonly acknowledged: number;
  /** number, attempts in flight at all other workers. */
  readonly inFlight: readonly number[];
  /**
   * number, flags, times ejected, ms left of the ejection. Of a guard: number, flags, ms until the
   * breaker is closed, ms until it lets something through.
   */
  readonly health: readonly number[];
}

/** Asks for a metrics snapshot. */
export interface Scrape {
  readonly kind: 'scrape';
  readonly id: number;
}

export type SidecarToWorker =
  | Welcome
  | Goodbye
  | Report
  | Scrape
  | SessionMessage
  | Spent
  | CertificateAnswer
  | Leases
  | SidecarToCache;

/** In `Report.health`: left out for failures; no new work. */
export const ejectedFlag = 1;
/** In `Report.health`: some worker saw it fail, the next success anywhere is worth telling. */
export const suspectFlag = 2;
/** In `Report.health`: active checks fail; no new work. */
export const downFlag = 4;
/** In `Report.health` of a guard: the breaker is open, or lets a share through. */
export const openFlag = 8;
export const rampFlag = 16;

/** Bytes of what a worker tells about rate limits at a time. */
export const spentBytesMax = 64 * 1024;
/** Groups per list in one message, so that a frame of full lists stays far below `limits.frameBytes`. */
export const groupsMax = 8192;
/** Names per message; with `idLengthMax` the same holds. */
export const namesMax = 256;
/** Characters of a peer's id. */
export const idLengthMax = 1024;
/** Bytes of a metrics snapshot in one message, and messages per snapshot: 4 MiB in all. */
export const metricsPartBytes = 512 * 1024;
export const metricsPartsMax = 8;
/** What a worker's metrics snapshot may measure. */
export const metricsBytesMax = metricsPartBytes * metricsPartsMax;
