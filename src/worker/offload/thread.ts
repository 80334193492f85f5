// What runs in a thread of the pool: finds the task by its name and does it. Tasks are loaded when they
// are first asked for: a thread that compresses needs no password hashes.

import { setPriority } from 'node:os';
import { isMarkedAsUntransferable } from 'node:worker_threads';
import { move } from 'piscina';

/** A task: synchronous work on plain data. */
export type Task = (payload: never) => unknown;

/** A piece of work as it crosses over. */
export interface Work {
  readonly task: string;
  readonly payload: object;
}

/** Every task by its name; a new one is a file in tasks/ and a line here. */
const TASKS: Readonly<Record<string, () => Promise<Task>>> = {
  encode: async () => (await import('./tasks/encode.ts')).encode,
  'encode-dcb': async () => (await import('./tasks/encode-dcb.ts')).encodeDcb,
  'verify-password': async () => (await import('./tasks/verify-password.ts')).verifyPassword,
  echo: async () => (await import('./tasks/echo.ts')).echo,
};

/** Below the event loops: these answer many clients at once, a task only one. */
const NICENESS = 10;

const loaded = new Map<string, Task>();

/** Does one piece of work; called by piscina, by this name. Throws what the task throws. */
export async function runTask({ task, payload }: Work): Promise<unknown> {
  let run = loaded.get(task);
  if (run === undefined) {
    if (loaded.size === 0) yieldToLoops();
    const load = Object.hasOwn(TASKS, task) ? TASKS[task] : undefined;
    if (load === undefined) throw new Error(`no task ${task}`);
    run = await load();
    loaded.set(task, run);
  }
  return given(run(payload as never));
}

/** Bytes go back as they are, not as a copy, unless they lie in memory that is shared with others. */
function given(result: unknown): unknown {
  if (!(result instanceof Uint8Array) || isMarkedAsUntransferable(result.buffer)) return result;
  return move(result);
}

/** On Linux a priority belongs to the thread, elsewhere to the whole process. */
function yieldToLoops(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, NICENESS);
  } catch {
    // Not allowed here: it is only a wish.
  }
}
