// Runs a load generator as a child on its core, and never for longer than it may take.

import { spawn } from 'node:child_process';

export interface LoadProgram {
  readonly program: string;
  readonly args: readonly string[];
  /** Core number, a list like `0-1`, or null for any. */
  readonly core: number | string | null;
  readonly durationS: number;
  readonly environment?: Record<string, string>;
}

/** What a generator may take beyond its duration: connecting, and the last answers. */
const GRACE_S = 20;

/** Returns all that the program wrote. Rejects when it can't be started or hangs; does not judge it. */
export function runProgram(load: LoadProgram): Promise<string> {
  const command = [load.program, ...load.args];
  const pinned = load.core === null ? command : ['taskset', '-c', `${load.core}`, ...command];
  return new Promise((resolve, reject) => {
    const child = spawn(pinned[0] ?? '', pinned.slice(1), {
      env: { ...process.env, ...load.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let isHanging = false;
    const deadline = setTimeout(
      () => {
        isHanging = true;
        child.kill('SIGKILL');
      },
      (load.durationS + GRACE_S) * 1000,
    );
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(deadline);
      if (isHanging) reject(new Error(`${load.program} hangs:\n${text.slice(-2000)}`));
      else resolve(text);
    });
  });
}
