// The queues of this worker, one per upstream as long as its peers live, and their coarse sweep.

import type { PeerGroup } from '../core/peer.ts';
import { PeerQueue, type QueueContext, type QueueSettings } from './balance/queue.ts';

export class Queues {
  /** By group, so that whoever waits goes on waiting over a reload. */
  readonly #queues = new WeakMap<PeerGroup, PeerQueue>();
  readonly #context: QueueContext = {
    nowMs: () => performance.now(),
    soon: (callback) => setImmediate(callback),
    busy: new Set(),
  };

  /** Returns the queue of a group; `settings` count when it is new. */
  queueOf(group: PeerGroup, settings: QueueSettings): PeerQueue {
    let queue = this.#queues.get(group);
    if (queue === undefined) {
      queue = new PeerQueue(group, settings, this.#context);
      this.#queues.set(group, queue);
    }
    return queue;
  }

  /** Exchanges that wait now. */
  get length(): number {
    let sum = 0;
    for (const queue of this.#context.busy) sum += queue.length;
    return sum;
  }

  /** To be called a few times a second; costs nothing while nobody waits. */
  sweep(nowMs: number): void {
    for (const queue of this.#context.busy) queue.sweep(nowMs);
  }
}
