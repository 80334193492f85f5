// Purges over all workers: numbers them, tells everybody, and knows when all have done it. A worker whose
// process has ended has done it too, for its memory is gone; one that is only cut off has not, and one that
// this sidecar has never met may run and know nothing.

import type { PurgeCommand } from '../../core/cache.ts';
import type { Purges, PurgesKnown, SidecarToCache } from '../../core/cache-link.ts';
import { PurgeLog, type PurgeRecord } from '../../core/purge-log.ts';
import { readPurges, writePurges } from '../../core/purge-pages.ts';
import type { Cancel, Timers } from '../../std/timers.ts';

/** How long a purge waits for workers that do not answer. */
const waitMs = 5000;
const lookMs = 50;
/** Workers that are cut off and may still run. */
const lostMax = 1024;

/** What came of a purge. */
export interface PurgeOutcome {
  readonly generation: number;
  /** Workers that have told that it holds. */
  readonly workers: number;
  /** It holds in every worker and on disk. */
  readonly isComplete: boolean;
}

interface Member {
  readonly pid: number;
  /** Purges up to this one hold there; -1 while it has not told on this link. */
  known: number;
  /** It has told on some link to this sidecar. */
  hasTold: boolean;
}

interface Pending {
  record: PurgeRecord;
  readonly missing: Set<number>;
  readonly done: Set<number>;
  readonly isKept: boolean;
  readonly untilMs: number;
  readonly settle: (outcome: PurgeOutcome) => void;
}

export interface PurgeDeskOptions {
  readonly send: (worker: number, message: SidecarToCache) => void;
  readonly timers: Timers;
  readonly isAlive: (pid: number) => boolean;
  /** Workers that there should be, in slots from 0 on. */
  readonly workersWanted: () => number;
  /** Writes purges to disk; resolves with false when that fails. */
  readonly keep: (records: readonly PurgeRecord[]) => Promise<boolean>;
  /** Something is purged from now on. */
  readonly onPurge: () => void;
}

export class PurgeDesk {
  readonly log = new PurgeLog();
  readonly #options: PurgeDeskOptions;
  readonly #members = new Map<number, Member>();
  /** Workers that were linked and are not any more. */
  readonly #lost = new Map<number, Member>();
  /** Slots of all workers that were ever linked. */
  readonly #met = new Set<number>();
  #pending: Pending[] = [];
  #look: Cancel | null = null;

  constructor(options: PurgeDeskOptions) {
    this.#options = options;
  }

  /** Purges everywhere. Never rejects. */
  async purge(command: PurgeCommand): Promise<PurgeOutcome> {
    const record = this.#issue(command);
    const isKept = await this.#options.keep([record]);
    return new Promise((settle) => {
      const missing = new Set([...this.#members.keys(), ...this.#lost.keys()]);
      const untilMs = this.#options.timers.nowMs() + waitMs;
      const done = new Set<number>();
      const pending = { record, missing, done, isKept, untilMs, settle };
      for (const [worker, { known }] of this.#members) {
        if (known >= record.generation) this.#done(pending, worker);
      }
      this.#pending.push(pending);
      this.#settleAll();
    });
  }

  /** Learns the purges that were on disk; returns those of which the disk did not know. */
  restore(floor: number, records: readonly PurgeRecord[]): PurgeRecord[] {
    const others = this.log.since(0).filter(({ generation }) => generation > floor);
    const known = new Set(records.map(textOf));
    const before = this.log.generation;
    this.log.raiseFloor(floor);
    for (const record of records) this.log.add(record);
    for (const [worker, { known: its }] of this.#members) {
      // They may be older than what workers know already: all of it, then.
      if (its !== -1 && this.log.generation > before) this.#tell(worker, 0);
    }
    return others.filter((record) => !known.has(textOf(record)));
  }

  join(worker: number, { pid, slot }: { readonly pid: number; readonly slot: number }): void {
    this.#met.add(slot);
    const before = this.#members.get(worker) ?? this.#lost.get(worker);
    this.#lost.delete(worker);
    this.#members.set(worker, { pid, known: -1, hasTold: before?.hasTold ?? false });
    // It may have run, unknown to this sidecar, when that was asked for.
    for (const { missing, done } of this.#pending) if (!done.has(worker)) missing.add(worker);
  }

  leave(worker: number): void {
    const member = this.#members.get(worker);
    if (member === undefined) return;
    this.#members.delete(worker);
    this.#lost.set(worker, member);
    if (this.#lost.size > lostMax) {
      for (const oldest of this.#lost.keys()) {
        this.#lost.delete(oldest);
        break;
      }
    }
    this.#settleAll();
  }

  /** A worker tells how far it is. */
  known(worker: number, { generation }: PurgesKnown): void {
    const member = this.#members.get(worker);
    if (member === undefined) return;
    const isFirst = member.known === -1;
    // Before it counts as one who is told: it hears all that it lacks, in order.
    if (!member.hasTold) this.#reissue(generation);
    member.hasTold = true;
    member.known = generation;
    const { log } = this;
    if (generation > log.generation) {
      this.#options.send(worker, { kind: 'purges-wanted', since: log.generation });
    }
    // The first time even if there is nothing to tell: so it knows that it knows all.
    if (generation < log.generation || isFirst) this.#tell(worker, generation);
    for (const pending of this.#pending) {
      if (generation >= pending.record.generation) this.#done(pending, worker);
    }
    this.#settleAll();
  }

  /** A worker knows purges of a sidecar that is gone. */
  learn(worker: number, message: Purges): void {
    this.log.raiseFloor(message.floor);
    const records = readPurges(message).filter((record) => this.log.add(record));
    if (records.length > 0) this.#options.onPurge();
    void this.#options.keep(records);
    // Late for the others: they make sure themselves that nothing slips through.
    for (const [other, { known }] of this.#members) {
      if (other === worker || known === -1) continue;
      for (const page of writePurges(this.log.floor, records)) this.#options.send(other, page);
    }
  }

  close(): void {
    this.#look?.();
    this.#look = null;
    for (const pending of this.#pending.splice(0)) this.#settle(pending, false);
  }

  #issue(command: PurgeCommand): PurgeRecord {
    const { log } = this;
    let generation = Math.max(log.generation + 1, Math.floor(this.#options.timers.wallMs()));
    for (const { known } of this.#members.values()) generation = Math.max(generation, known + 1);
    const { kind, value, isSoft } = command;
    const record = { kind, value, isSoft, generation };
    log.add(record);
    this.#options.onPurge();
    for (const page of writePurges(log.floor, [record])) {
      for (const [worker, { known }] of this.#members) {
        if (known !== -1) this.#options.send(worker, page);
      }
    }
    return record;
  }

  /** The clock has gone back: a worker is ahead of purges that it has never heard of. */
  #reissue(generation: number): void {
    for (const pending of this.#pending) {
      if (pending.record.generation > generation) continue;
      pending.record = this.#issue(pending.record);
      void this.#options.keep([pending.record]);
      for (const worker of this.#members.keys()) pending.missing.add(worker);
      pending.done.clear();
    }
  }

  #tell(worker: number, since: number): void {
    const pages = writePurges(this.log.floor, this.log.since(since));
    for (const page of pages) this.#options.send(worker, page);
  }

  #done(pending: Pending, worker: number): void {
    if (pending.missing.delete(worker)) pending.done.add(worker);
  }

  /** Whoever has nobody to wait for any more is told; the others are looked at again soon. */
  #settleAll(): void {
    const nowMs = this.#options.timers.nowMs();
    if (this.#pending.length > 0) this.#dropDead();
    const hasMetAll = this.#hasMetAll();
    this.#pending = this.#pending.filter((pending) => {
      const isDone = pending.missing.size === 0 && hasMetAll;
      if (!isDone && nowMs < pending.untilMs) return true;
      this.#settle(pending, isDone);
      return false;
    });
    if (this.#pending.length === 0 || this.#look !== null) return;
    this.#look = this.#options.timers.after(lookMs, () => {
      this.#look = null;
      this.#settleAll();
    });
  }

  #hasMetAll(): boolean {
    for (let slot = this.#options.workersWanted() - 1; slot >= 0; slot--) {
      if (!this.#met.has(slot)) return false;
    }
    return true;
  }

  #dropDead(): void {
    for (const [worker, { pid }] of this.#lost) {
      if (this.#options.isAlive(pid)) continue;
      this.#lost.delete(worker);
      for (const { missing } of this.#pending) missing.delete(worker);
    }
  }

  #settle({ settle, record, done, isKept }: Pending, isDone: boolean): void {
    const { generation } = record;
    settle({ generation, workers: done.size, isComplete: isDone && isKept });
  }
}

function textOf({ generation, kind, value, isSoft }: PurgeRecord): string {
  return `${generation} ${kind} ${isSoft} ${value}`;
}
