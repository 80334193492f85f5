// Runs a script of ours in a process of its own, with limits on time and output, and takes the JSON that it
// writes to file descriptor 3. What code of the operator does in there harms nobody else.

import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

/** Most output that is taken. */
const resultBytesMax = 64 * 1024 * 1024;

/** How the process ended, and what it wrote. */
export interface ScriptEnding {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly result: string;
  readonly reason: 'ended' | 'timeout' | 'too-much';
}

/** Returns the URL of a module beside this one, source or compiled. */
export function siblingUrl(path: string): string {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`${path}.${ending}`, import.meta.url).href;
}

/** Runs `script`, an ES module, with `input` to read; what it prints goes to standard error. */
export function runScript(script: string, limitMs: number, input = ''): Promise<ScriptEnding> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON',
        '--input-type=module',
        '--eval',
        script,
      ],
      { env, stdio: ['pipe', 2, 2, 'pipe'] },
    );
    // It may well end before it has read all of it.
    child.stdin!.on('error', () => {}).end(input);
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let reason: ScriptEnding['reason'] = 'ended';
    const stop = (why: ScriptEnding['reason']) => {
      reason = why;
      child.kill('SIGKILL');
      // A grandchild may still hold the pipe open.
      pipe.destroy();
    };
    const timer = setTimeout(stop, limitMs, 'timeout');
    const pipe = child.stdio[3] as Readable;
    pipe.on('error', () => {});
    pipe.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      chunks.push(chunk);
      if (sizeBytes > resultBytesMax) stop('too-much');
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, reason, result: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

/** Returns what the script wrote, or null when that is not JSON. */
export function readResult<Result>({ result }: ScriptEnding): Result | null {
  try {
    return JSON.parse(result) as Result;
  } catch {
    return null;
  }
}

/** Says why there is no result. */
export function explainEnding({ code, signal, reason }: ScriptEnding, limitMs: number): string {
  if (reason === 'timeout') {
    return `its evaluation took longer than ${limitMs / 1000} s and was stopped`;
  }
  if (reason === 'too-much') return 'what its evaluation gave is larger than 64 MiB';
  if (code === 13) return 'its top-level await never settles';
  if (signal !== null) return `its evaluation was ended by ${signal}`;
  return `its evaluation called process.exit or crashed (exit code ${code})`;
}
