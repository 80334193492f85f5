// Virtual time: what happens when, in order of time; of events at one time, in order of entry.

export type Event = () => void;

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly event: Event;
}

/** A binary heap of events, and the clock that jumps from one to the next. */
export class EventQueue {
  nowMs = 0;
  readonly #heap: Entry[] = [];
  #entered = 0;

  /** Calls `event` in `delayMs` of virtual time. */
  after(delayMs: number, event: Event): void {
    this.#entered += 1;
    const entry = { atMs: this.nowMs + delayMs, order: this.#entered, event };
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (isBefore(heap[above]!, entry)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = entry;
  }

  /** Runs the next event; false when there is none. */
  step(): boolean {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined) return false;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    this.nowMs = first.atMs;
    first.event();
    return true;
  }

  #sink(entry: Entry): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (isBefore(entry, heap[below]!)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = entry;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
