// Work that would hold up the event loop, done by threads beside it.

/** What became of the work that was to be handed over, since the worker started. */
export interface OffloadCounters {
  done: number;
  /** The task threw, or its thread died. */
  failed: number;
  /** The queue was full: whoever asked did without. */
  refused: number;
}

/** The threads of one worker. */
export interface Offload {
  readonly counters: Readonly<OffloadCounters>;
  /**
   * Runs `task` (a name of worker/offload/tasks) on another thread; null when the queue is full or there
   * are no threads: do without. The promise rejects when the task throws. Buffers in `transfer` are moved,
   * not copied, now or when a thread is ready: they must own their memory (`Buffer.allocUnsafeSlow`, never
   * a small `Buffer`) and are not to be touched any more. A `Uint8Array` that a task returns is moved, too.
   */
  run(task: string, payload: object, transfer?: readonly ArrayBuffer[]): Promise<unknown> | null;
}
