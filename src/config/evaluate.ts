// Evaluates a TypeScript or JavaScript configuration in a process of its own, with a time limit, into
// plain data. Nothing of the configuration's code ever runs in the primary or in a worker.

import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Evaluated } from './evaluate-child.ts';
import { ConfigError, type Place } from './problem.ts';

/** Longest evaluation of a configuration, and most output it may give. */
const evaluationMsMax = 10_000;
const resultBytesMax = 64 * 1024 * 1024;

export interface EvaluatedModule {
  readonly value: unknown;
  /** The module and the local files that it imports. */
  readonly files: readonly string[];
}

/** How a child process ended, and what it wrote to the result pipe. */
interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly result: string;
  readonly reason: 'ended' | 'timeout' | 'too-much';
}

/**
 * Returns the default export of the module at `path` as plain data. Each call is a fresh process, so
 * that changed code is seen. What the module prints goes to standard error. Throws ConfigError.
 */
export async function evaluateModule(
  path: string,
  shown: string,
  limitMs = evaluationMsMax,
): Promise<EvaluatedModule> {
  const place: Place = { kind: 'file', file: shown, line: null };
  const ending = await runChild(path, limitMs);
  const fail = (message: string) => new ConfigError([{ place, path: '', message }]);
  if (ending.reason === 'timeout') {
    throw fail(`its evaluation took longer than ${limitMs / 1000} s and was stopped`);
  }
  if (ending.reason === 'too-much') throw fail('its default export is larger than 64 MiB');
  const evaluated = readResult(ending.result);
  if (evaluated === null) throw fail(explainEnding(ending));
  if (evaluated.kind === 'value') return evaluated;
  if (evaluated.kind === 'thrown') {
    const at: Place = { ...place, line: evaluated.line };
    if (evaluated.column !== null) at.column = evaluated.column;
    throw new ConfigError([{ place: at, path: '', message: evaluated.message }]);
  }
  throw new ConfigError(evaluated.problems.map((problem) => ({ place, ...problem })));
}

function runChild(path: string, limitMs: number): Promise<Ending> {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const entry = new URL(`./evaluate-child.${ending}`, import.meta.url).href;
  const define = new URL(`./define.${ending}`, import.meta.url).href;
  const script = `import { evaluate } from ${JSON.stringify(entry)};
await evaluate(${JSON.stringify(path)}, ${JSON.stringify(define)});`;
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
      { env, stdio: ['ignore', 2, 2, 'pipe'] },
    );
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    let reason: Ending['reason'] = 'ended';
    const stop = (why: Ending['reason']) => {
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

function readResult(text: string): Evaluated | null {
  try {
    return JSON.parse(text) as Evaluated;
  } catch {
    return null;
  }
}

function explainEnding({ code, signal }: Ending): string {
  if (code === 13) return 'its top-level await never settles';
  if (signal !== null) return `its evaluation was ended by ${signal}`;
  return `its evaluation called process.exit or crashed (exit code ${code})`;
}
