// How far the other end of a link has been told of one table. It follows the list of changes from the
// oldest on: so it is told everything once, and what changes again comes again at the end.

import type { StickTable } from './stick-table.ts';

export class StickFollower {
  readonly table: StickTable;
  /** What it told itself comes from this origin: it is not told that. */
  readonly #origin: number;
  /** The last slot that was told, and the number of its change then; the start of the list at first. */
  #slot = 0;
  #told = 0;

  constructor(table: StickTable, origin: number) {
    this.table = table;
    this.#origin = origin;
  }

  get hasMore(): boolean {
    return this.table.changedAt(this.table.newest) > this.#told;
  }

  /** Returns at most `slotsMax` slots to tell next; they count as told. */
  take(slotsMax: number): number[] {
    const { table } = this;
    const slots: number[] = [];
    let slot = this.#position();
    for (;;) {
      const next = table.newerThan(slot);
      if (next === 0) break;
      if (table.originOf(next) !== this.#origin) {
        if (slots.length === slotsMax) break;
        slots.push(next);
      }
      slot = next;
    }
    this.#slot = slot;
    this.#told = table.changedAt(slot);
    return slots;
  }

  /** The slot where it stopped may have changed since, or be gone: then the way leads back to its place. */
  #position(): number {
    const { table } = this;
    if (table.changedAt(this.#slot) === this.#told) return this.#slot;
    let slot = table.newest;
    while (slot !== 0 && table.changedAt(slot) > this.#told) slot = table.olderThan(slot);
    return slot;
  }
}
