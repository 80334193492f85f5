// Which peer a session is on, for the sessions of one upstream: a bounded table in typed arrays, the same
// in the sidecar and in every worker. Sessions go by a 64-bit hash; 56 bytes each, none of them for the
// garbage collector.
//
//   list   oldest ◄──► … ◄──► newest     in the order of their last change: what is forgotten when the
//                                        table is full is at one end, what is to be told at the other
//
// What two sides know of a session is joined, in any order and any number of times, to the same end: it is
// on the peer to which it came last (by id where times are equal), and was used when it was used last.
//
// Not every use is a change, or each request would be told to everybody: a use counts when the last that
// did is an eighth of the time to live ago, 30 s at most. Sessions are kept that much longer.

import type { SessionTable } from '../core/session.ts';
import { StickNames } from './stick-names.ts';

export interface StickBounds {
  /** Sessions that are remembered; then the one unchanged for longest is forgotten. */
  readonly entriesMax: number;
  /** A session that is not used for so long may be forgotten. */
  readonly ttlMs: number;
}

/** What is known of one session. Times in ms, monotonic, the same for all processes of the host. */
export interface StickRecord {
  readonly high: number;
  readonly low: number;
  readonly peerId: string;
  /** When it came to that peer. */
  readonly stuckAtMs: number;
  readonly usedAtMs: number;
}

const refreshMaxMs = 30_000;
/** Expired sessions that one change clears away. */
const expiredPerChange = 4;

/** What all tables of a process share. */
export interface StickSurroundings {
  /** A clock that all processes of the host read alike. */
  readonly nowMs: () => number;
  /** There is something that others may want to know: news, or just that a session is used. */
  readonly onChange: (isNews: boolean) => void;
}

/** Slot 0 is no session: it closes the list, and means none. */
export class StickTable implements SessionTable {
  readonly #surroundings: StickSurroundings;
  #names = new StickNames();
  #bounds: StickBounds;
  #refreshMs = 0;
  #lifeMs = 0;
  #high = new Uint32Array(0);
  #low = new Uint32Array(0);
  #peer = new Uint32Array(0);
  #stuckAtMs = new Float64Array(0);
  #usedAtMs = new Float64Array(0);
  /** Number of the last change; 0 in slots that are free. */
  #changedAt = new Float64Array(0);
  /** Who told it; 0 for this process itself. */
  #origin = new Uint32Array(0);
  #older = new Uint32Array(0);
  #newer = new Uint32Array(0);
  /** Of the same bucket; of the free slots. */
  #next = new Uint32Array(0);
  #buckets = new Uint32Array(0);
  #free = 0;
  /** Slots beyond are untouched: the system gives memory only for those that were used. */
  #touched = 1;
  #size = 0;
  #changes = 0;

  constructor(bounds: StickBounds, surroundings: StickSurroundings) {
    this.#bounds = bounds;
    this.#surroundings = surroundings;
    this.#reserve(bounds.entriesMax);
    this.configure(bounds);
  }

  /** Sessions that are held, some of them perhaps expired. */
  get size(): number {
    return this.#size;
  }

  /** The slot that changed last; 0 when the table is empty. */
  get newest(): number {
    return this.#older[0]!;
  }

  /** Follows new bounds; with less room the sessions unchanged for longest are forgotten. */
  configure(bounds: StickBounds): void {
    const isResized = bounds.entriesMax !== this.#bounds.entriesMax;
    this.#bounds = bounds;
    this.#refreshMs = Math.min(bounds.ttlMs / 8, refreshMaxMs);
    this.#lifeMs = bounds.ttlMs + this.#refreshMs;
    if (!isResized) return;
    const records: StickRecord[] = [];
    for (let slot = this.newest; slot !== 0; slot = this.#older[slot]!) {
      if (records.length < bounds.entriesMax) records.push(this.record(slot));
    }
    this.#reserve(bounds.entriesMax);
    for (const record of records.reverse()) this.#change(this.#insert(record), 0);
  }

  /** Returns the id of the peer that the session is on, or null; this is a use of it. */
  find(high: number, low: number): string | null {
    const slot = this.#lookUp(high, low);
    if (slot === 0) return null;
    const nowMs = this.#surroundings.nowMs();
    const unusedMs = nowMs - this.#usedAtMs[slot]!;
    if (unusedMs > this.#lifeMs) {
      this.#remove(slot);
      return null;
    }
    if (unusedMs >= this.#refreshMs) {
      this.#usedAtMs[slot] = nowMs;
      this.#change(slot, 0, false);
    }
    return this.#names.idOf(this.#peer[slot]!);
  }

  /** The session is on that peer now. */
  stick(high: number, low: number, peerId: string): void {
    const current = this.find(high, low);
    if (current === peerId) return;
    const nowMs = this.#surroundings.nowMs();
    let stuckAtMs = nowMs;
    if (current !== null) {
      // Later than what is known, whatever the clock says: else the others would keep to that.
      stuckAtMs = Math.max(nowMs, this.#stuckAtMs[this.#lookUp(high, low)]! + 1);
    }
    this.merge({ high, low, peerId, stuckAtMs, usedAtMs: nowMs }, 0);
  }

  /** Joins what `origin` tells with what is known. */
  merge(record: StickRecord, origin: number): void {
    const { peerId, stuckAtMs, usedAtMs } = record;
    const nowMs = this.#surroundings.nowMs();
    if (nowMs - usedAtMs > this.#lifeMs) return;
    const slot = this.#lookUp(record.high, record.low);
    if (slot === 0) {
      this.#expire(nowMs);
      if (this.#size === this.#bounds.entriesMax) this.#remove(this.#newer[0]!);
      this.#change(this.#insert(record), origin);
      return;
    }
    const knownId = this.#names.idOf(this.#peer[slot]!);
    const since = stuckAtMs - this.#stuckAtMs[slot]!;
    const sinceUse = usedAtMs - this.#usedAtMs[slot]!;
    const isOn = since === 0 && peerId === knownId;
    const isMoved = since > 0 || (since === 0 && peerId > knownId);
    if (!isMoved && sinceUse <= 0) return;
    if (isMoved) {
      this.#names.release(this.#peer[slot]!);
      this.#peer[slot] = this.#names.take(peerId);
      this.#stuckAtMs[slot] = stuckAtMs;
    }
    if (sinceUse > 0) this.#usedAtMs[slot] = usedAtMs;
    // Who told it knows the outcome unless only half of it was news.
    const isAllNews = (isMoved || isOn) && sinceUse >= 0;
    this.#change(slot, isAllNews ? origin : 0, isMoved);
  }

  /** The slots beside that one in the order of changes; 0 at the ends. */
  olderThan(slot: number): number {
    return this.#older[slot]!;
  }

  newerThan(slot: number): number {
    return this.#newer[slot]!;
  }

  /** Number of the last change of a slot, higher than all before; 0 when nothing is in it. */
  changedAt(slot: number): number {
    return this.#changedAt[slot]!;
  }

  originOf(slot: number): number {
    return this.#origin[slot]!;
  }

  record(slot: number): StickRecord {
    return {
      high: this.#high[slot]!,
      low: this.#low[slot]!,
      peerId: this.#names.idOf(this.#peer[slot]!),
      stuckAtMs: this.#stuckAtMs[slot]!,
      usedAtMs: this.#usedAtMs[slot]!,
    };
  }

  #lookUp(high: number, low: number): number {
    let slot = this.#buckets[low & (this.#buckets.length - 1)]!;
    while (slot !== 0 && (this.#low[slot] !== low || this.#high[slot] !== high)) {
      slot = this.#next[slot]!;
    }
    return slot;
  }

  #insert({ high, low, peerId, stuckAtMs, usedAtMs }: StickRecord): number {
    let slot = this.#free;
    if (slot !== 0) this.#free = this.#next[slot]!;
    else slot = this.#touched++;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#peer[slot] = this.#names.take(peerId);
    this.#stuckAtMs[slot] = stuckAtMs;
    this.#usedAtMs[slot] = usedAtMs;
    const bucket = low & (this.#buckets.length - 1);
    this.#next[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = slot;
    this.#size += 1;
    return slot;
  }

  #remove(slot: number): void {
    this.#unlink(slot);
    const bucket = this.#low[slot]! & (this.#buckets.length - 1);
    let before = this.#buckets[bucket]!;
    if (before === slot) this.#buckets[bucket] = this.#next[slot]!;
    else {
      while (this.#next[before] !== slot) before = this.#next[before]!;
      this.#next[before] = this.#next[slot]!;
    }
    this.#names.release(this.#peer[slot]!);
    this.#changedAt[slot] = 0;
    this.#next[slot] = this.#free;
    this.#free = slot;
    this.#size -= 1;
  }

  /** Moves a slot to the new end of the list. */
  #change(slot: number, origin: number, isNews = true): void {
    if (this.#changedAt[slot] !== 0) this.#unlink(slot);
    this.#changes += 1;
    this.#changedAt[slot] = this.#changes;
    this.#origin[slot] = origin;
    const last = this.#older[0]!;
    this.#newer[last] = slot;
    this.#older[slot] = last;
    this.#newer[slot] = 0;
    this.#older[0] = slot;
    this.#surroundings.onChange(isNews);
  }

  #unlink(slot: number): void {
    const older = this.#older[slot]!;
    const newer = this.#newer[slot]!;
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }

  #expire(nowMs: number): void {
    for (let count = 0; count < expiredPerChange && this.#size > 0; count++) {
      const oldest = this.#newer[0]!;
      if (nowMs - this.#usedAtMs[oldest]! <= this.#lifeMs) return;
      this.#remove(oldest);
    }
  }

  /** Takes room for all at once: what is never used costs addresses only, and nothing is ever copied. */
  #reserve(entriesMax: number): void {
    const slots = entriesMax + 1;
    this.#names = new StickNames();
    this.#high = new Uint32Array(slots);
    this.#low = new Uint32Array(slots);
    this.#peer = new Uint32Array(slots);
    this.#stuckAtMs = new Float64Array(slots);
    this.#usedAtMs = new Float64Array(slots);
    this.#changedAt = new Float64Array(slots);
    this.#origin = new Uint32Array(slots);
    this.#older = new Uint32Array(slots);
    this.#newer = new Uint32Array(slots);
    this.#next = new Uint32Array(slots);
    this.#buckets = new Uint32Array(2 ** Math.ceil(Math.log2(slots)));
    this.#free = 0;
    this.#touched = 1;
    this.#size = 0;
  }
}
