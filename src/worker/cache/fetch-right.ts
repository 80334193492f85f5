// The right to fetch for everybody, from when it is sought until it is given back. Whoever seeks may hand it
// on to another meanwhile, who is then told what becomes of it.

import type { Lease, LeaseEnd, LeaseSeeker } from '../../core/cache.ts';

/** Who wants to fetch. */
export interface Fetcher {
  /** It may. */
  send(): void;
  /** Another worker has fetched: it is in the memory of this one now. */
  elsewhere(): void;
}

export class FetchRight implements LeaseSeeker {
  /** Null: nobody wants to fetch any more. */
  owner: Fetcher | null;
  #lease: Lease | null = null;

  constructor(owner: Fetcher) {
    this.owner = owner;
  }

  granted(lease: Lease): void {
    this.#lease = lease;
    if (this.owner === null) lease.release('failed', 0);
    else this.owner.send();
  }

  denied(): void {
    this.owner?.send();
  }

  shared(): void {
    this.owner?.elsewhere();
  }

  /** Only the first time counts. `freshUntilMs`: others may ask for what was stored until then. */
  release(end: LeaseEnd, freshUntilMs = 0): void {
    this.owner = null;
    this.#lease?.release(end, freshUntilMs);
  }
}
