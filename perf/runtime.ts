// How the processes of Sluice fared inside of Node while they were measured: pauses for garbage
// collection, from perf/gc-hook.ts, and lateness of the event loop, from the admin address.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quantile } from '../native-bench/harness/statistics.ts';
import type { GcRecord } from './gc-hook.ts';

/** A span of time on the wall clock, milliseconds since 1970. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Pauses of all processes of one role together. */
export interface GcPauses {
  readonly perSecond: number;
  /** Share of the time of one process, 0–1. */
  readonly share: number;
  readonly p99Ms: number;
  readonly mostMs: number;
}

/** Lateness of the event loop of the worst process of a role. */
export interface LoopDelay {
  readonly p99Ms: number;
  readonly mostMs: number;
}

/** Reads what the hook has left, by role. */
export function readPauses(folder: string): GcRecord[] {
  return readdirSync(folder).map(
    (name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as GcRecord,
  );
}

/** Sums up what processes of `role` paused within `spans`; null when there are none. */
export function pausesOf(
  records: readonly GcRecord[],
  role: string,
  spans: readonly Span[],
): GcPauses | null {
  const own = records.filter((each) => each.role === role);
  const seconds = spans.reduce((sum, each) => sum + each.toMs - each.fromMs, 0) / 1000;
  if (own.length === 0 || seconds <= 0) return null;
  const isInside = (atMs: number): boolean =>
    spans.some((span) => atMs >= span.fromMs && atMs < span.toMs);
  const pausesMs = own
    .flatMap((each) => each.pauses.filter(([atMs]) => isInside(atMs)))
    .map(([, pauseMs]) => pauseMs);
  const total = pausesMs.reduce((sum, each) => sum + each, 0);
  return {
    perSecond: pausesMs.length / seconds,
    share: total / 1000 / seconds / own.length,
    p99Ms: pausesMs.length === 0 ? 0 : quantile(pausesMs, 0.99),
    mostMs: Math.max(0, ...pausesMs),
  };
}

/** Asks for the metrics; lateness counts from the asking before. Empty when there is no admin address. */
export async function scrapeLoopDelays(adminPort: number): Promise<Record<string, LoopDelay>> {
  try {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`, {
      signal: AbortSignal.timeout(5000),
    });
    return readLoopDelays(await answer.text());
  } catch {
    return {};
  }
}

/** Reads the worst lateness of each role from a page in Prometheus' format. */
export function readLoopDelays(page: string): Record<string, LoopDelay> {
  const delays: Record<string, LoopDelay> = {};
  const pattern = /^\w*process_event_loop_delay_seconds\{([^}]*)\} ([\d.e+-]+)$/gm;
  for (const [, labels = '', value = ''] of page.matchAll(pattern)) {
    const role = /role="(\w+)"/.exec(labels)?.[1];
    const at = /quantile="([\d.]+)"/.exec(labels)?.[1];
    if (role === undefined) continue;
    const known = delays[role] ?? { p99Ms: 0, mostMs: 0 };
    const ms = Number(value) * 1000;
    if (at === '0.99') delays[role] = { ...known, p99Ms: Math.max(known.p99Ms, ms) };
    else if (at === '1') delays[role] = { ...known, mostMs: Math.max(known.mostMs, ms) };
    else delays[role] = known;
  }
  return delays;
}

/** Returns the worst of several readings, by role. */
export function worstDelays(
  readings: readonly Record<string, LoopDelay>[],
): Record<string, LoopDelay> {
  const worst: Record<string, LoopDelay> = {};
  for (const [role, delay] of readings.flatMap((each) => Object.entries(each))) {
    const known = worst[role] ?? delay;
    worst[role] = {
      p99Ms: Math.max(known.p99Ms, delay.p99Ms),
      mostMs: Math.max(known.mostMs, delay.mostMs),
    };
  }
  return worst;
}
