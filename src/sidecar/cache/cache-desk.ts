// The caches of all workers as the sidecar sees them: leases, purges, and what each worker counts.

import type { PurgeCommand } from '../../core/cache.ts';
import type { CacheToSidecar, SidecarToCache } from '../../core/cache-link.ts';
import type { PurgeRecord } from '../../core/purge-log.ts';
import type { Cancel, Timers } from '../../std/timers.ts';
import { LeaseTable } from './lease-table.ts';
import { PurgeDesk, type PurgeOutcome } from './purge-desk.ts';

const leaseLookMs = 100;

/** A worker, and what its cache counted last, in the order of `cacheCountNames`. */
export interface WorkerCounts {
  readonly slot: number;
  readonly counts: readonly number[];
}

export interface CacheDeskOptions {
  /** Sends to the worker of that generation, if it is still linked. */
  readonly send: (worker: number, message: SidecarToCache) => void;
  readonly timers: Timers;
  readonly isAlive: (pid: number) => boolean;
  readonly workersWanted: () => number;
  readonly keep: (records: readonly PurgeRecord[]) => Promise<boolean>;
}

export class CacheDesk {
  readonly purges: PurgeDesk;
  readonly leases: LeaseTable;
  readonly #timers: Timers;
  readonly #counts = new Map<number, WorkerCounts>();
  readonly #slots = new Map<number, number>();
  #look: Cancel | null = null;

  constructor(options: CacheDeskOptions) {
    this.#timers = options.timers;
    this.leases = new LeaseTable(options.send);
    this.purges = new PurgeDesk({ ...options, onPurge: () => this.leases.purged() });
  }

  /** By slot. */
  get counts(): WorkerCounts[] {
    return [...this.#counts.values()].sort((a, b) => a.slot - b.slot);
  }

  /** How many keys nobody waits for now. */
  get passes(): number {
    return this.leases.passesAt(this.#timers.nowMs());
  }

  purge(command: PurgeCommand): Promise<PurgeOutcome> {
    return this.purges.purge(command);
  }

  join(worker: number, { pid, slot }: { readonly pid: number; readonly slot: number }): void {
    // A link that takes the place of a former one knows nothing of what was sought there.
    this.leases.leave(worker, this.#timers.nowMs());
    this.#slots.set(worker, slot);
    this.purges.join(worker, { pid, slot });
  }

  leave(worker: number): void {
    this.#slots.delete(worker);
    this.#counts.delete(worker);
    this.leases.leave(worker, this.#timers.nowMs());
    this.purges.leave(worker);
  }

  /** Returns an answer that is to be sent later, or null. */
  receive(worker: number, message: CacheToSidecar): Promise<SidecarToCache> | null {
    const nowMs = this.#timers.nowMs();
    switch (message.kind) {
      case 'seek':
        this.leases.seek(message.digest, { worker, id: message.id }, nowMs);
        this.#arm();
        return null;
      case 'lease-end': {
        const { digest, id, end, freshMs } = message;
        this.leases.end(digest, { worker, id, end, freshMs }, nowMs);
        return null;
      }
      case 'handed':
        this.leases.handed(message.digest, worker, { file: message.file, nowMs });
        return null;
      case 'purge': {
        const { id, what, value, isSoft } = message;
        const asked = this.purges.purge({ kind: what, value, isSoft });
        return asked.then(({ isComplete }) => ({ kind: 'purged', id, isComplete }));
      }
      case 'purges-known':
        this.purges.known(worker, message);
        return null;
      case 'purges':
        this.purges.learn(worker, message);
        return null;
      case 'cache-counts':
        this.#counts.set(worker, { slot: this.#slots.get(worker) ?? 0, counts: message.counts });
        return null;
    }
  }

  close(): void {
    this.#look?.();
    this.#look = null;
    this.purges.close();
  }

  #arm(): void {
    this.#look ??= this.#timers.after(leaseLookMs, () => {
      this.#look = null;
      if (this.leases.tick(this.#timers.nowMs())) this.#arm();
    });
  }
}
