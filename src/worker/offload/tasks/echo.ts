// The smallest task: gives back what it gets, or fails when told to. It is for measuring what it costs to
// hand work over, and for the tests of the pool.

/** What to do. */
export interface EchoPayload {
  readonly value: unknown;
  /** Throws an Error with this message. */
  readonly fail?: string;
  /** Keeps the thread busy for so long, in ms. */
  readonly busyMs?: number;
}

/** Returns `value`. */
export function echo({ value, fail, busyMs = 0 }: EchoPayload): unknown {
  const endsAtMs = performance.now() + busyMs;
  while (performance.now() < endsAtMs);
  if (fail !== undefined) throw new Error(fail);
  return value;
}
