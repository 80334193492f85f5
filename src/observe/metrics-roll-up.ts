// The last word of every worker, living and gone, so that sums over workers don't fall when one dies or is
// too busy to answer.

import {
  foldSnapshots,
  type MergedMetrics,
  type MetricsSnapshot,
  mergeSnapshots,
  retiredSnapshot,
} from './metrics-snapshot.ts';

export class MetricsRollUp {
  // By generation: the number of a process, so that a replacement in the same slot starts anew.
  readonly #living = new Map<number, MetricsSnapshot>();
  #gone: MetricsSnapshot | null = null;

  /** Takes what a living worker reports now. */
  update(generation: number, snapshot: MetricsSnapshot): void {
    this.#living.set(generation, snapshot);
  }

  /** A worker has ended: its counters stay in the sum, its gauges go. */
  retire(generation: number): void {
    const last = this.#living.get(generation);
    if (last === undefined) return;
    this.#living.delete(generation);
    const before = this.#gone === null ? [] : [this.#gone];
    this.#gone = foldSnapshots([...before, retiredSnapshot(last)]);
  }

  /** Returns the last snapshots of the living workers. */
  get living(): readonly MetricsSnapshot[] {
    return [...this.#living.values()];
  }

  /** Adds everything up. */
  merged(): MergedMetrics {
    return mergeSnapshots(this.#gone === null ? this.living : [...this.living, this.#gone]);
  }
}
