// What a worker still does with more work than time: first as much as it can do, then twice as much offered,
// in interleaved rounds, with overload control and without.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { processTree } from '../../native-bench/harness/cpu-account.ts';
import { median } from '../../native-bench/harness/statistics.ts';
import { freePort, type Running, Workbench } from '../../native-bench/harness/workbench.ts';
import type { OverloadOrders, OverloadResult } from './load.ts';

const execute = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Seconds until the worker has seen that it is overloaded. */
const WARM_S = 4;

export interface StudyOptions {
  readonly rounds: number;
  readonly durationS: number;
  /** Offered load as multiples of what the worker can do. */
  readonly factors: readonly number[];
  readonly path: string;
}

export interface Measured {
  readonly name: string;
  /** Good answers per second of the clock, and per second of CPU of the worker, against the peak. */
  readonly goodput: number;
  readonly goodputOfCpu: number;
  readonly refused: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly offered: number;
}

/** Measures; a row for each factor, and one for the largest without overload control. */
export async function measureOverload(
  options: StudyOptions,
  progress: (line: string) => void,
): Promise<{ readonly peak: number; readonly rows: readonly Measured[] }> {
  const workbench = new Workbench();
  try {
    const originPort = await freePort();
    const script = fileURLToPath(new URL('origin.ts', import.meta.url));
    const args = [script, String(originPort)];
    const origin = workbench.start({ name: 'origin', program: process.execPath, args, core: 1 });
    await workbench.accepting(origin, originPort);
    const guarded = await startSluice(workbench, originPort, true);
    const bare = await startSluice(workbench, originPort, false);
    const largest = Math.max(...options.factors);
    const subjects = [
      ...options.factors.map((factor) => ({ name: `${factor} ×`, factor, sluice: guarded })),
      { name: `${largest} ×, without overload control`, factor: largest, sluice: bare },
    ];
    const runs: Measured[] = [];
    const peaks: number[] = [];
    for (let round = 0; round <= options.rounds; round++) {
      for (const { name, factor, sluice } of subjects) {
        const { durationS, path } = options;
        const orders = { port: sluice.port, path, warmS: 1, durationS: 2 };
        const peak = await runLoad(sluice, { ...orders, rate: 0 });
        const rate = peak.perSecond * factor;
        const run = await runLoad(sluice, { ...orders, rate, warmS: WARM_S, durationS });
        const measured = compared(name, run, peak);
        progress(
          `round ${round}: peak ${peak.perSecond.toFixed(0)}/s; ${describeRow(measured)}; ` +
            `late ${run.result.late}, failed ${run.result.failed}`,
        );
        // Round 0 warms up.
        if (round > 0) {
          runs.push(measured);
          peaks.push(peak.perSecond);
        }
      }
    }
    const rows = subjects.map(({ name }) => mediansOf(runs.filter((run) => run.name === name)));
    return { peak: median(peaks), rows };
  } finally {
    await workbench.close();
  }
}

/** A row of a Markdown table. */
export function describeRow(row: Measured): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const shares = [row.goodput, row.goodputOfCpu, row.refused].map(percent);
  const times = [row.p50Ms, row.p99Ms].map((ms) =>
    ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`,
  );
  return `| ${[row.name, ...shares, ...times].join(' | ')} |`;
}

interface Subject {
  readonly port: number;
  readonly running: Running;
}

interface Run {
  readonly result: OverloadResult;
  readonly perSecond: number;
  /** Good answers per second of CPU. */
  readonly perCpuSecond: number;
}

async function startSluice(
  workbench: Workbench,
  originPort: number,
  isGuarded: boolean,
): Promise<Subject> {
  const port = await freePort();
  const name = isGuarded ? 'guarded' : 'bare';
  const file = join(workbench.directory, `${name}.json`);
  // Dear to the worker and cheap for load and origin, which must not be what is overloaded.
  const replaceBody = {
    regex: ['a', 'b', 'c', 'd', 'e'].map((name) => ({
      regex: `href="/(${name}/[a-z])"`,
      to: 'href="/x/{1}"',
    })),
  };
  const config = {
    cores: 1,
    listeners: [{ host: '127.0.0.1', port }],
    upstreams: { app: { peers: [`http://127.0.0.1:${originPort}`] } },
    routes: [{ to: 'app' }, { match: { path: '/page' }, to: 'app', replaceBody }],
    overload: { enabled: isGuarded },
    log: { access: 'off', level: 'error' },
    admin: { enabled: false },
  };
  writeFileSync(file, JSON.stringify(config));
  const args = [MAIN, 'run', file];
  const running = workbench.start({ name, program: process.execPath, args, core: 0 });
  await workbench.accepting(running, port);
  return { port, running };
}

async function runLoad({ running }: Subject, orders: OverloadOrders): Promise<Run> {
  const script = fileURLToPath(new URL('load.ts', import.meta.url));
  const before = workerMicros(running.pid);
  const command = ['-c', '1', process.execPath, script, JSON.stringify(orders)];
  const startedAtMs = performance.now();
  const { stdout } = await execute('taskset', command, { timeout: 120_000 });
  const result = JSON.parse(stdout) as OverloadResult;
  const cpuShare = (workerMicros(running.pid) - before) / 1000 / (performance.now() - startedAtMs);
  const perSecond = result.good / result.seconds;
  return { result, perSecond, perCpuSecond: perSecond / cpuShare };
}

function workerMicros(pid: number): number {
  return processTree(pid).find(({ role }) => role === 'worker')?.cpuMicros ?? 0;
}

function compared(name: string, { result, perSecond, perCpuSecond }: Run, peak: Run): Measured {
  const { due, refused, p50Ms, p99Ms, seconds } = result;
  return {
    name,
    goodput: perSecond / peak.perSecond,
    goodputOfCpu: perCpuSecond / peak.perCpuSecond,
    refused: refused / due,
    ...{ p50Ms, p99Ms, offered: due / seconds },
  };
}

function mediansOf(runs: readonly Measured[]): Measured {
  const of = (key: Exclude<keyof Measured, 'name'>) => median(runs.map((run) => run[key]));
  return {
    name: runs[0]!.name,
    goodput: of('goodput'),
    goodputOfCpu: of('goodputOfCpu'),
    refused: of('refused'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    offered: of('offered'),
  };
}
