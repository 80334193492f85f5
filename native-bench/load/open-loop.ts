// One run at a fixed rate with h2load (HTTP/1.1), every connection at its own even pace. Requests that
// should have been sent while an answer was late count as late too: without that, a stall of a second
// would be one slow request instead of thousands (coordinated omission).

import { type H2loadRun, headerArgs, runLogged } from './h2load.ts';
import type { LoadReport } from './load-report.ts';

export interface OpenLoopRun extends H2loadRun {
  /** Over all connections. */
  readonly requestsPerSecond: number;
}

/** Runs h2load once. Rejects when it fails or hangs. */
export async function runOpenLoop(run: OpenLoopRun): Promise<LoadReport> {
  const { scenario, port, durationS, requestsPerSecond } = run;
  const rate = requestsPerSecond / scenario.connections;
  const args = ['--h1', '-t1', `-c${scenario.connections}`, `-D${durationS}`, `--rps=${rate}`];
  args.push(...headerArgs(scenario.headers), `http://127.0.0.1:${port}${scenario.path}`);
  return await runLogged(run, args, 1e6 / rate);
}
