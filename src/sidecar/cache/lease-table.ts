// Who may fetch what, over all workers; who has lately stored what; and what nobody needs to wait for. All
// of it is lost with the sidecar, which costs a few fetches.
//
//   seek ─► granted ─── lease-end stored ──► holder: others get it handed over while it is fresh
//             │  └───── lease-end uncacheable ──► passed: nobody waits for 120 s
//             └──── failed, expired, worker gone ──► the next seeker

import type { LeaseEnd } from '../../core/cache.ts';
import { leaseMs, passMs, type SidecarToCache } from '../../core/cache-link.ts';
import { ChurnMap } from '../../std/churn-map.ts';
import { RecentNumbers } from '../../std/recent-numbers.ts';

/** Leases, and seekers in all: more are denied. Of holders and passes so many of the last are known. */
const entriesMax = 65_536;
const seekersMax = 65_536;
/** How long the holder may take to write a file. */
const handOverMs = 2000;

interface Seeker {
  readonly worker: number;
  readonly id: number;
}

interface Hold {
  readonly digest: string;
  worker: number;
  id: number;
  /** Fetching, or writing down what it stored before. */
  state: 'fetching' | 'handing';
  untilMs: number;
  readonly seekers: Seeker[];
}

export class LeaseTable {
  readonly #holds = new ChurnMap<Hold>();
  /** Worker, and until when others may have it. */
  readonly #holders = new RecentNumbers(entriesMax, 2);
  /** Until when. */
  readonly #passes = new RecentNumbers(entriesMax, 1);
  readonly #send: (worker: number, message: SidecarToCache) => void;
  #seekers = 0;

  constructor(send: (worker: number, message: SidecarToCache) => void) {
    this.#send = send;
  }

  get leases(): number {
    return this.#holds.size;
  }

  get waiting(): number {
    return this.#seekers;
  }

  /** What nobody waits for at that time. */
  passesAt(nowMs: number): number {
    return this.#passes.countAbove(nowMs);
  }

  seek(digest: string, seeker: Seeker, nowMs: number): void {
    const pass = this.#passes.find(digest);
    const passedMs = pass === -1 ? 0 : this.#passes.at(pass) - nowMs;
    if (passedMs > 0) {
      this.#send(seeker.worker, { kind: 'denied', id: seeker.id, passMs: Math.ceil(passedMs) });
      return;
    }
    const hold = this.#holds.get(digest);
    if (hold !== undefined) this.#wait(hold, seeker);
    else if (this.#holds.size >= entriesMax) {
      this.#send(seeker.worker, { kind: 'denied', id: seeker.id, passMs: 0 });
    } else this.#begin(digest, seeker, nowMs);
  }

  /** The fetch of a worker has ended; `freshMs` is how long others may have what it stored. */
  end(digest: string, by: Seeker & { end: LeaseEnd; freshMs: number }, nowMs: number): void {
    const { worker, id, end, freshMs } = by;
    if (end === 'stored') {
      this.#passes.delete(digest);
      if (freshMs > 0) this.#holders.set(digest, worker, nowMs + freshMs);
    } else if (end === 'uncacheable') {
      this.#passes.set(digest, nowMs + passMs);
      this.#holders.delete(digest);
    }
    const hold = this.#holds.get(digest);
    if (hold?.worker !== worker || hold.id !== id || hold.state !== 'fetching') return;
    if (end === 'stored' && hold.seekers.length > 0) this.#ask(digest, hold, nowMs);
    else if (end === 'failed') this.#next(digest, hold, nowMs);
    else {
      for (const seeker of hold.seekers) {
        this.#send(seeker.worker, { kind: 'denied', id: seeker.id, passMs });
      }
      this.#forget(digest, hold);
    }
  }

  /** A holder has written its answer to `file`, or has it no more (''). */
  handed(digest: string, worker: number, { file, nowMs }: { file: string; nowMs: number }): void {
    const hold = this.#holds.get(digest);
    if (hold?.state !== 'handing' || hold.worker !== worker) return;
    if (file === '') {
      this.#holders.delete(digest);
      this.#next(digest, hold, nowMs);
      return;
    }
    for (const seeker of hold.seekers) {
      this.#send(seeker.worker, { kind: 'shared', id: seeker.id, file });
    }
    this.#forget(digest, hold);
  }

  /** A worker is gone: its leases go on to others. */
  leave(worker: number, nowMs: number): void {
    this.#holders.forget(worker);
    for (const hold of this.#holds.values()) {
      const left = hold.seekers.filter((seeker) => seeker.worker !== worker);
      this.#seekers -= hold.seekers.length - left.length;
      hold.seekers.splice(0, hold.seekers.length, ...left);
      if (hold.worker === worker) this.#next(hold.digest, hold, nowMs);
    }
  }

  /** Leases that are over go on to others. Returns whether there is anything to look after. */
  tick(nowMs: number): boolean {
    for (const hold of this.#holds.values()) {
      if (hold.untilMs <= nowMs) this.#next(hold.digest, hold, nowMs);
    }
    return this.#holds.size > 0;
  }

  /** Something was purged: what holders have may be gone, or soon will be. */
  purged(): void {
    this.#holders.clear();
  }

  #wait(hold: Hold, seeker: Seeker): void {
    if (this.#seekers >= seekersMax) {
      this.#send(seeker.worker, { kind: 'denied', id: seeker.id, passMs: 0 });
      return;
    }
    hold.seekers.push(seeker);
    this.#seekers += 1;
  }

  #begin(digest: string, seeker: Seeker, nowMs: number): void {
    const holder = this.#holders.find(digest);
    if (holder !== -1) {
      const worker = this.#holders.at(holder);
      if (this.#holders.at(holder, 1) > nowMs && worker !== seeker.worker) {
        const hold: Hold = { digest, worker, id: 0, state: 'handing', untilMs: 0, seekers: [] };
        this.#holds.set(digest, hold);
        this.#wait(hold, seeker);
        this.#ask(digest, hold, nowMs);
        return;
      }
      this.#holders.delete(digest);
    }
    const { worker, id } = seeker;
    const untilMs = nowMs + leaseMs;
    this.#holds.set(digest, { digest, worker, id, state: 'fetching', untilMs, seekers: [] });
    this.#send(seeker.worker, { kind: 'granted', id: seeker.id });
  }

  #ask(digest: string, hold: Hold, nowMs: number): void {
    hold.state = 'handing';
    hold.untilMs = nowMs + handOverMs;
    this.#send(hold.worker, { kind: 'hand-over', digest });
  }

  /** The first who waits gets the lease. */
  #next(digest: string, hold: Hold, nowMs: number): void {
    const seeker = hold.seekers.shift();
    if (seeker === undefined) {
      this.#forget(digest, hold);
      return;
    }
    this.#seekers -= 1;
    hold.worker = seeker.worker;
    hold.id = seeker.id;
    hold.state = 'fetching';
    hold.untilMs = nowMs + leaseMs;
    this.#send(seeker.worker, { kind: 'granted', id: seeker.id });
  }

  #forget(digest: string, hold: Hold): void {
    this.#seekers -= hold.seekers.length;
    this.#holds.delete(digest);
  }
}
