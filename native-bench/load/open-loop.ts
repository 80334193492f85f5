// One run at a fixed rate with h2load (HTTP/1.1), every connection at its own even pace. Requests that
// should have been sent while an answer was late count as late too: without that, a stall of a second
// would be one slow request instead of thousands (coordinated omission).

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'hdr-histogram-js';
import type { LoadReport } from './load-report.ts';
import { runProgram } from './run-program.ts';
import type { LoadRun } from './wrk.ts';

export interface OpenLoopRun extends LoadRun {
  /** Over all connections. */
  readonly requestsPerSecond: number;
  /** Where h2load's log may lie for a moment. */
  readonly directory: string;
}

/** Runs h2load once. Rejects when it fails or hangs. */
export async function runOpenLoop(run: OpenLoopRun): Promise<LoadReport> {
  const { scenario, port, durationS, core, requestsPerSecond } = run;
  const log = join(run.directory, 'h2load.tsv');
  rmSync(log, { force: true });
  const rate = requestsPerSecond / scenario.connections;
  const headers = scenario.headers.flatMap((each) => ['-H', each]);
  const args = ['--h1', '-t1', `-c${scenario.connections}`, `-D${durationS}`, `--rps=${rate}`];
  args.push(...headers, `--log-file=${log}`, `http://127.0.0.1:${port}${scenario.path}`);
  const text = await runProgram({ program: 'h2load', args, core, durationS });
  return readOpenLoop(text, readFileSync(log, 'latin1'), {
    durationS,
    intervalMicros: 1e6 / rate,
  });
}

/** Reads h2load's summary and its log: start, status and duration of each request. Throws on neither. */
export function readOpenLoop(
  text: string,
  log: string,
  of: { durationS: number; intervalMicros: number },
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
    histogram.recordValueWithExpectedInterval(Number(micros), of.intervalMicros);
  }
  return {
    requests,
    durationMicros: of.durationS * 1e6,
    bytes: Number(/traffic: .*? \((\d+)\) total/.exec(text)?.[1] ?? 0),
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
