// When a name is asked for again: by its TTL between two bounds, and ever later while it fails.

export interface TtlBounds {
  readonly ttlMinMs: number;
  readonly ttlMaxMs: number;
}

/** Returns the wait in ms until a good answer is asked for again. */
export function refreshAfterMs(ttlMs: number, { ttlMinMs, ttlMaxMs }: TtlBounds): number {
  return Math.min(ttlMaxMs, Math.max(ttlMinMs, ttlMs));
}

/**
 * Returns the wait after `failures` bad answers in row: the shortest, doubled each time, with up to a tenth
 * more by `random` (0–1), so that many proxies do not ask together.
 */
export function retryAfterMs(failures: number, bounds: TtlBounds, random: number): number {
  const doubled = bounds.ttlMinMs * 2 ** Math.min(failures - 1, 30);
  return Math.min(bounds.ttlMaxMs, doubled * (1 + random / 10));
}
