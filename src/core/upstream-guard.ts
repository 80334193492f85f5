// What protects one upstream, as one worker sees it: retries that run, how its exchanges end, and whether
// the circuit breaker is open. Kept up by forward and, from the sidecar's reports, by src/channel.

/** One per upstream in a worker, as long as any configuration names it. */
export class UpstreamGuard {
  /** The upstream's name and a slash: no peer has that id. */
  readonly id: string;
  readonly upstream: string;
  /** Retries and hedges of this worker that run now. */
  inFlight = 0;
  /** Those of all other workers, as last reported by the sidecar. */
  inFlightElsewhere = 0;
  /** Exchanges of this worker whose outcome is known since it started, and those of them that failed. */
  answers = 0;
  errors = 0;
  /** The configuration has a breaker for it: outcomes are worth telling at once. */
  isWatched = false;
  /** `performance.now()` until which nothing is let through; 0 when closed. */
  openUntilMs = 0;
  /** `performance.now()` until which only a share is let through; 0 when closed. */
  rampUntilMs = 0;
  /** Its number in this worker's ledger (src/channel), -1 while it has none; written there only. */
  ledgerNumber = -1;

  constructor(upstream: string) {
    this.id = guardId(upstream);
    this.upstream = upstream;
  }
}

/** Returns the id under which workers and the sidecar count for a whole upstream. */
export function guardId(upstream: string): string {
  return `${upstream}/`;
}
