// The load generator h2load: HTTP/2 in a closed loop, and its summary and log, which the open loop reads too.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'hdr-histogram-js';
import type { LoadReport } from './load-report.ts';
import { runProgram } from './run-program.ts';
import type { LoadRun } from './wrk.ts';

export interface H2loadRun extends LoadRun {
  /** Where h2load's log may lie for a moment. */
  readonly directory: string;
}

/** Returns the arguments of a closed loop. */
export function h2loadArgs({ scenario, port, durationS }: LoadRun): string[] {
  const { connections, streams, path, headers } = scenario;
  const shape = ['-t1', `-c${connections}`, `-m${streams}`, `-D${durationS}`];
  return [...shape, ...headerArgs(headers), `https://127.0.0.1:${port}${path}`];
}

/** Runs h2load once, as fast as it goes. Rejects when it fails or hangs. */
export async function runH2load(run: H2loadRun): Promise<LoadReport> {
  return await runLogged(run, h2loadArgs(run), null);
}

/**
 * Runs h2load with `args` and a log. With `intervalMicros`, the time from one request of a connection to the
 * next, late answers also count for the requests that should have been sent meanwhile.
 */
export async function runLogged(
  { directory, core, durationS }: H2loadRun,
  args: readonly string[],
  intervalMicros: number | null,
): Promise<LoadReport> {
  const log = join(directory, 'h2load.tsv');
  rmSync(log, { force: true });
  const all = [`--log-file=${log}`, ...args];
  const text = await runProgram({ program: 'h2load', args: all, core, durationS });
  return readH2load(text, readFileSync(log, 'latin1'), { durationS, intervalMicros });
}

/** Reads h2load's summary and its log: start, status and duration of each request. Throws on neither. */
export function readH2load(
  text: string,
  log: string,
  of: { durationS: number; intervalMicros: number | null },
): LoadReport {
  const counts = /requests: .* (\d+) done.* (\d+) failed, (\d+) errored, (\d+) timeout/.exec(text);
  if (counts === null) throw new Error(`h2load gave no summary:\n${text.slice(-2000)}`);
  const histogram = build({ highestTrackableValue: 60_000_000, numberOfSignificantValueDigits: 3 });
  let requests = 0;
  let statusErrors = 0;
  for (const line of log.split('\n')) {
    const [, status, micros] = line.split('\t');
    if (micros === undefined) continue;
    requests += 1;
    if (Number(status) >= 400 || Number(status) < 0) statusErrors += 1;
    if (of.intervalMicros === null) histogram.recordValue(Number(micros));
    else histogram.recordValueWithExpectedInterval(Number(micros), of.intervalMicros);
  }
  return {
    requests,
    durationMicros: of.durationS * 1e6,
    bytes: Number(/traffic: .*? \((\d+)\) data/.exec(text)?.[1] ?? 0),
    connectErrors: 0,
    readErrors: Number(counts[3]),
    writeErrors: 0,
    statusErrors,
    timeouts: Number(counts[4]),
    p50Micros: histogram.getValueAtPercentile(50),
    p90Micros: histogram.getValueAtPercentile(90),
    p99Micros: histogram.getValueAtPercentile(99),
    maxMicros: histogram.maxValue,
  };
}

/** Returns header fields as h2load takes them. */
export function headerArgs(headers: readonly string[]): string[] {
  return headers.flatMap((each) => ['-H', each]);
}
