// One run of the load generator wrk: one thread, closed loop, keep-alive, no pipelining.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Scenario } from '../scenarios.ts';

const report = fileURLToPath(new URL('wrk-report.lua', import.meta.url));

/** What wrk counted; times in microseconds, errors apart by kind. */
export interface LoadReport {
  readonly requests: number;
  readonly durationMicros: number;
  readonly bytes: number;
  readonly connectErrors: number;
  readonly readErrors: number;
  readonly writeErrors: number;
  readonly statusErrors: number;
  readonly timeouts: number;
  readonly p50Micros: number;
  readonly p90Micros: number;
  readonly p99Micros: number;
  readonly maxMicros: number;
}

/** Where the load goes, for how long, and which core makes it. */
export interface LoadRun {
  readonly scenario: Scenario;
  readonly port: number;
  readonly durationS: number;
  readonly core: number;
}

/** Returns the command line and the environment of a run. */
export function wrkCommand(run: LoadRun): { args: string[]; environment: Record<string, string> } {
  const { scenario, port, durationS, core } = run;
  const args = ['-c', `${core}`, 'wrk', '-t1', `-c${scenario.connections}`, `-d${durationS}s`];
  args.push('--timeout', '30s', '-s', report);
  for (const header of scenario.headers) args.push('-H', header);
  args.push(`http://127.0.0.1:${port}${scenario.path}`);
  const environment = {
    BENCH_METHOD: scenario.method,
    BENCH_BODY_BYTES: `${scenario.requestBodyBytes}`,
  };
  return { args, environment };
}

/** Runs wrk once. Rejects when wrk fails, or hangs 15 s beyond its duration. */
export function runWrk(run: LoadRun): Promise<LoadReport> {
  const { args, environment } = wrkCommand(run);
  return new Promise((resolve, reject) => {
    const child = spawn('taskset', args, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const deadline = setTimeout(() => child.kill('SIGKILL'), (run.durationS + 15) * 1000);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(deadline);
      const found = /^REPORT (\{.*\})$/m.exec(text);
      if (found === null) reject(new Error(`wrk gave no report:\n${text}`));
      else resolve(JSON.parse(found[1] ?? '') as LoadReport);
    });
  });
}

/** Says what went wrong in a run, or null when every request was answered well. */
export function loadFault(report: LoadReport): string | null {
  const { connectErrors, readErrors, writeErrors, statusErrors, timeouts } = report;
  const faults = [
    [connectErrors, 'connect errors'],
    [readErrors, 'read errors'],
    [writeErrors, 'write errors'],
    [statusErrors, 'answers of 400 and above'],
    [timeouts, 'time-outs'],
  ] as const;
  const told = faults.filter(([count]) => count > 0).map(([count, kind]) => `${count} ${kind}`);
  if (report.requests === 0) told.push('no request completed');
  return told.length === 0 ? null : told.join(', ');
}
