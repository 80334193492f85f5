// The scene of the comparisons with real processes: the scripted backends and the open-loop load.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, type Workbench } from '../../native-bench/harness/workbench.ts';
import type { OpenLoad, OpenLoadResult } from './open-load.ts';
import { BACKENDS } from './scenario.ts';

const execute = promisify(execFile);

/** Starts the backends of the scenario and returns their ports; the last one is slow. */
export async function startBackends(workbench: Workbench, core: number | null): Promise<number[]> {
  const script = fileURLToPath(new URL('backend.ts', import.meta.url));
  const ports: number[] = [];
  for (const [at, model] of BACKENDS.entries()) {
    const port = await freePort();
    const orders = JSON.stringify({ port, ...model });
    const args = [script, orders];
    const name = `backend-${at}`;
    const running = workbench.start({ name, program: process.execPath, args, core });
    await workbench.accepting(running, port);
    ports.push(port);
  }
  return ports;
}

/** Requests that each backend has answered so far. */
export function servedBy(ports: readonly number[]): Promise<number[]> {
  return Promise.all(
    ports.map(async (port) =>
      Number(await (await fetch(`http://127.0.0.1:${port}/served`)).text()),
    ),
  );
}

/** Runs the load once; throws when a request failed. */
export async function runOpenLoad(load: OpenLoad, core: number | null): Promise<OpenLoadResult> {
  const script = fileURLToPath(new URL('open-load.ts', import.meta.url));
  const command = [process.execPath, script, JSON.stringify(load)];
  const pinned = core === null ? command : ['taskset', '-c', `${core}`, ...command];
  const { stdout } = await execute(pinned[0]!, pinned.slice(1));
  const result = JSON.parse(stdout) as OpenLoadResult;
  if (result.failed > 0) throw new Error(`${result.failed} of ${result.requests} requests failed`);
  return result;
}
