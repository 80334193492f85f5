// The threads of one worker process: a piscina pool, started with the first task, its idle threads ended
// after a while. Its bound is kept here, so that "full" is an answer and not an exception.
//
// Threads run tasks one at a time and park in between (`atomics: 'sync'`): tasks are synchronous code. An
// empty task costs 25–40 µs, so nothing shorter than about half a millisecond belongs here.

import type { Piscina } from 'piscina';
import type { Offload, OffloadCounters } from '../../core/offload.ts';
import { lazyPackage } from '../../std/lazy.ts';

/** Settings of the pool; without threads everything is refused. */
export interface OffloadSettings {
  readonly threads: number;
  /** Tasks that may wait for a thread. */
  readonly queueMax: number;
}

/** Starting a thread takes some 40 ms, keeping one a few megabytes. */
const IDLE_MS = 60_000;

/** Of JavaScript alone, buffers not included: a task that needs more dies, and its thread with it. */
const THREAD_HEAP_MIB = 128;

/** Next to this file, with the same ending: `.ts` in the repository, `.js` in the package. */
const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js',
  import.meta.url,
);

const loadPiscina = lazyPackage<typeof import('piscina')>('piscina');

/** Threads under one set of settings. */
interface Crew {
  readonly pool: Piscina;
  /** Tasks that run or wait. */
  pending: number;
  /** Set when no more tasks will come: called at the end of the last. */
  onIdle: (() => void) | null;
}

export class OffloadPool implements Offload {
  readonly counters: OffloadCounters = { done: 0, failed: 0, refused: 0 };
  #settings: OffloadSettings = { threads: 0, queueMax: 0 };
  #crew: Crew | null = null;

  /** From now on these settings count; what runs under the old ones is finished. */
  configure(settings: OffloadSettings): void {
    const { threads, queueMax } = this.#settings;
    if (settings.threads === threads && settings.queueMax === queueMax) return;
    this.#settings = settings;
    void this.#retire();
  }

  run(task: string, payload: object, transfer?: readonly ArrayBuffer[]): Promise<unknown> | null {
    const { threads, queueMax } = this.#settings;
    if (threads === 0 || (this.#crew !== null && this.#crew.pending >= threads + queueMax)) {
      this.counters.refused += 1;
      return null;
    }
    this.#crew ??= { pool: createPool(this.#settings), pending: 0, onIdle: null };
    return this.#run(this.#crew, { task, payload }, transfer ?? []);
  }

  /** Takes no more tasks and cuts those that run: their promises reject. */
  async close(): Promise<void> {
    this.#settings = { threads: 0, queueMax: 0 };
    const crew = this.#crew;
    this.#crew = null;
    await crew?.pool.destroy();
  }

  async #run(crew: Crew, work: object, transferList: readonly ArrayBuffer[]): Promise<unknown> {
    crew.pending += 1;
    try {
      const result: unknown = await crew.pool.run(work, { transferList: [...transferList] });
      this.counters.done += 1;
      return result;
    } catch (error) {
      this.counters.failed += 1;
      throw error;
    } finally {
      crew.pending -= 1;
      if (crew.pending === 0) crew.onIdle?.();
    }
  }

  /** piscina's own `close` cuts tasks whose thread is still starting. */
  async #retire(): Promise<void> {
    const crew = this.#crew;
    if (crew === null) return;
    this.#crew = null;
    if (crew.pending > 0) {
      await new Promise<void>((resolve) => {
        crew.onIdle = resolve;
      });
    }
    await crew.pool.destroy();
  }
}

function createPool({ threads, queueMax }: OffloadSettings): Piscina {
  const { FixedQueue, Piscina } = loadPiscina();
  const pool = new Piscina({
    filename: THREAD.href,
    name: 'runTask',
    minThreads: 0,
    maxThreads: threads,
    // One more than is ever asked for: the bound is ours.
    maxQueue: threads + queueMax + 1,
    idleTimeout: IDLE_MS,
    atomics: 'sync',
    taskQueue: new FixedQueue(),
    recordTiming: false,
    stricterFIFO: true,
    resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MIB },
  });
  // A thread that dies fails its task, and that is told there; unheard, this event would end the process.
  pool.on('error', () => {});
  return pool;
}
