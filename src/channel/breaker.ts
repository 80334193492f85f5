// The circuit breaker of one upstream: pure rules over one record. Who counts is in apply-command; who
// refuses is the worker, by the times that it is told.
//
//            errorPercent of at least requestsMin
//   closed ────────────────────────────────────► open ──── openMs ────► ramp ──── rampMs ────► closed
//                                                  ▲                     │ errors again
//                                                  └─────────────────────┘
//   While open nothing is let through; in the ramp a share that grows from none to all.

import { type Traffic, TrafficWindow } from './traffic-window.ts';

/** What the configuration of an upstream says about its breaker. */
export interface BreakerPolicy {
  readonly windowMs: number;
  readonly requestsMin: number;
  readonly errorPercent: number;
  readonly openMs: number;
  readonly rampMs: number;
}

export type BreakerPhase = 'closed' | 'open' | 'ramp';

export interface BreakerRecord {
  phase: BreakerPhase;
  /** When the phase began, and when it ends by itself; Infinity when closed. */
  sinceMs: number;
  untilMs: number;
  /** How often it opened. */
  opened: number;
  /** How often it entered a phase, be it the same again: what was told of it before is old. */
  changes: number;
  readonly policy: BreakerPolicy;
  readonly window: TrafficWindow;
}

export function createBreakerRecord(policy: BreakerPolicy, atMs: number): BreakerRecord {
  return {
    phase: 'closed',
    sinceMs: atMs,
    untilMs: Number.POSITIVE_INFINITY,
    opened: 0,
    changes: 0,
    policy,
    window: new TrafficWindow(policy.windowMs),
  };
}

/** Takes outcomes; returns whether the phase changed. What ends while it is open began before. */
export function noteTraffic(record: BreakerRecord, traffic: Traffic, atMs: number): boolean {
  const changed = passTime(record, atMs);
  if (record.phase === 'open') return changed;
  record.window.add(traffic, atMs);
  const { answers, errors } = record.window.sumAt(atMs);
  const { requestsMin, errorPercent } = record.policy;
  if (answers < requestsMin || errors * 100 < errorPercent * answers) return changed;
  enter(record, 'open', atMs, atMs + record.policy.openMs);
  return true;
}

/** Lets phases end that are over; returns whether one did. */
export function passTime(record: BreakerRecord, atMs: number): boolean {
  if (atMs < record.untilMs) return false;
  const { rampMs } = record.policy;
  const rampEndsMs = record.phase === 'open' ? record.untilMs + rampMs : record.untilMs;
  if (atMs < rampEndsMs) enter(record, 'ramp', record.untilMs, rampEndsMs);
  else enter(record, 'closed', rampEndsMs, Number.POSITIVE_INFINITY);
  return true;
}

/** What is told of a breaker: ms until something is let through, and until everything is. */
export interface BreakerTimes {
  readonly openLeftMs: number;
  readonly closedLeftMs: number;
}

export function timesOf(record: BreakerRecord, atMs: number): BreakerTimes {
  if (record.phase === 'closed') return { openLeftMs: 0, closedLeftMs: 0 };
  const leftMs = Math.max(1, Math.ceil(record.untilMs - atMs));
  if (record.phase === 'ramp') return { openLeftMs: 0, closedLeftMs: leftMs };
  return { openLeftMs: leftMs, closedLeftMs: leftMs + record.policy.rampMs };
}

/** Takes over what another process knows; returns whether the phase changed. */
export function adoptTimes(record: BreakerRecord, times: BreakerTimes, atMs: number): boolean {
  const { openLeftMs, closedLeftMs } = times;
  const before = record.phase;
  if (openLeftMs > 0) {
    const untilMs = atMs + openLeftMs;
    enter(record, 'open', atMs, before === 'open' ? Math.max(record.untilMs, untilMs) : untilMs);
  } else if (closedLeftMs > 0) {
    enter(record, 'ramp', atMs, atMs + closedLeftMs);
  } else if (before !== 'closed') {
    enter(record, 'closed', atMs, Number.POSITIVE_INFINITY);
  }
  return record.phase !== before;
}

function enter(record: BreakerRecord, phase: BreakerPhase, sinceMs: number, untilMs: number): void {
  if (record.phase !== phase) record.sinceMs = sinceMs;
  record.phase = phase;
  record.untilMs = untilMs;
  if (phase === 'open') record.opened += 1;
  record.changes += 1;
  record.window.clear();
}
