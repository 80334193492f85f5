// One run of the load generator wrk: one thread, closed loop, no pipelining.

import { fileURLToPath } from 'node:url';
import type { Scenario } from '../scenario.ts';
import type { LoadReport } from './load-report.ts';
import { runProgram } from './run-program.ts';

const report = fileURLToPath(new URL('wrk-report.lua', import.meta.url));

/** Where the load goes, for how long, and which core makes it. */
export interface LoadRun {
  readonly scenario: Scenario;
  readonly port: number;
  readonly durationS: number;
  readonly core: number | string | null;
}

/** Returns the arguments and the environment of a run. */
export function wrkCommand(run: LoadRun): { args: string[]; environment: Record<string, string> } {
  const { scenario, port, durationS } = run;
  const args = ['-t1', `-c${scenario.connections}`, `-d${durationS}s`];
  args.push('--timeout', '30s', '-s', report);
  for (const header of scenario.headers) args.push('-H', header);
  const scheme = scenario.wire === 'https' ? 'https' : 'http';
  args.push(`${scheme}://127.0.0.1:${port}${scenario.path}`);
  const environment = {
    BENCH_METHOD: scenario.method,
    BENCH_BODY_BYTES: `${scenario.requestBodyBytes}`,
    BENCH_UNIQUE: scenario.isUnique ? '1' : '',
  };
  return { args, environment };
}

/** Runs wrk once. Rejects when wrk fails or hangs. */
export async function runWrk(run: LoadRun): Promise<LoadReport> {
  const { durationS, core } = run;
  const text = await runProgram({ program: 'wrk', ...wrkCommand(run), core, durationS });
  const found = /^REPORT (\{.*\})$/m.exec(text);
  if (found === null) throw new Error(`wrk gave no report:\n${text}`);
  return JSON.parse(found[1] ?? '') as LoadReport;
}
