// When to try again what failed: each pause is twice the one before, up to a longest one, a part of it
// left to chance so that many certificates do not come back at once.

/** Share of a pause that chance may take off. */
const SPREAD = 0.25;

export interface BackOffOptions {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Failures in a row, from 1 on. */
  readonly failures: number;
  /** What the other side asked for; never less than that. */
  readonly askedMs: number | null;
  /** 0 to 1. */
  readonly random: number;
}

/** Returns the pause after a failure in ms. */
export function backOffMs({
  firstMs,
  longestMs,
  failures,
  askedMs,
  random,
}: BackOffOptions): number {
  const doublings = Math.min(Math.max(failures, 1) - 1, 50);
  const fullMs = Math.min(firstMs * 2 ** doublings, longestMs);
  return Math.max(fullMs * (1 - SPREAD * random), askedMs ?? 0);
}
