// Tells the other workers what this one let pass under shared limits, and counts what they did. A worker
// knows of the requests of another after at most two flights (to the sidecar and on) and the pause between
// two batches: about 25 ms. What passes too much in that time is made good: over time the rate is exact.

import type { GcraTable, Rate } from '../../../std/gcra-table.ts';

const PAUSE_MS = 20;
/** limit, high, low, count: four numbers of 32 bits. */
const RECORD_BYTES = 16;
/** Most keys of a batch; more wait for the next. */
const RECORDS_MAX = 4096;

interface SharedLimit {
  readonly table: GcraTable;
  readonly rate: Rate;
}

export interface SpendingOptions {
  /** Sends records to all other workers; false when that can't be: they are lost. */
  readonly send: (records: Uint8Array) => boolean;
  readonly nowMs: () => number;
}

export class Spending {
  readonly #options: SpendingOptions;
  readonly #limits = new Map<number, SharedLimit>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: SpendingOptions) {
    this.#options = options;
  }

  /** Shares a limit under an id (32 bits) that all workers know it by. */
  add(id: number, limit: SharedLimit): void {
    this.#limits.set(id, limit);
  }

  remove(id: number): void {
    this.#limits.delete(id);
  }

  /** Something is to be told; goes out with the next batch. */
  readonly onNews = (): void => {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.#flush(), PAUSE_MS);
    this.#timer.unref();
  };

  /** Counts what others have let pass; records of limits that are not here are ignored. */
  receive(records: Uint8Array): void {
    if (records.byteLength % RECORD_BYTES !== 0) return;
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    const now = this.#options.nowMs();
    for (let at = 0; at < records.byteLength; at += RECORD_BYTES) {
      const limit = this.#limits.get(view.getUint32(at));
      if (limit === undefined) continue;
      const place = limit.table.placeOf(view.getUint32(at + 4), view.getUint32(at + 8), now);
      limit.table.spentElsewhere(place, limit.rate, now, view.getUint32(at + 12));
    }
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #flush(): void {
    this.#timer = null;
    const bytes = new Uint8Array(RECORDS_MAX * RECORD_BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const [id, { table }] of this.#limits) {
      table.takeNews((bytes.length - at) / RECORD_BYTES, (high, low, count) => {
        view.setUint32(at, id);
        view.setUint32(at + 4, high);
        view.setUint32(at + 8, low);
        view.setUint32(at + 12, count);
        at += RECORD_BYTES;
      });
      if (table.hasNews) this.onNews();
    }
    if (at > 0) this.#options.send(bytes.slice(0, at));
  }
}
