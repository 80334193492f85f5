// Where exchanges wait while every peer that could take them is full: one queue per upstream and worker,
// bounded, first in, first out within a priority, higher priorities first.
//
//   priority  5   ● ● ●          the next is the oldest of the highest lane; when it can't be served
//             0   ● ● ● ● ●      (it has tried the only peer with room) the one behind it is asked
//
// Woken when an attempt ends at one of the peers, and looked at by a coarse sweep, because room may
// appear by what other workers do. Nobody overtakes: who comes while somebody waits, waits too.

import { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { PeerConfig, PeerGroup } from '../../core/peer.ts';
import type { Queue, Ticket, Waiter } from '../../core/queue.ts';
import { isFull, isUsable } from './availability.ts';

export interface QueueSettings {
  /** All peers of the upstream. */
  readonly peers: readonly PeerConfig[];
  /** Exchanges that may wait in this worker, and for how long. */
  readonly pendingMax: number;
  readonly pendingTimeoutMs: number;
}

/** What all queues of a worker share. */
export interface QueueContext {
  readonly nowMs: () => number;
  /** Runs `callback` soon, but not now: wakes come from inside of attempts that end. */
  readonly soon: (callback: () => void) => void;
  /** Queues in which somebody waits. */
  readonly busy: Set<PeerQueue>;
}

interface Place extends Ticket {
  readonly waiter: Waiter;
  readonly deadlineMs: number;
}

interface Lane {
  readonly priority: number;
  /** In order of arrival. */
  readonly places: Set<Place>;
}

/** Places looked at in one go behind one that can't be served. */
const LOOK_MAX = 16;

export class PeerQueue implements Queue {
  readonly #group: PeerGroup;
  readonly #context: QueueContext;
  #settings: QueueSettings;
  /** Highest priority first. */
  readonly #lanes: Lane[] = [];
  #length = 0;
  #isWoken = false;

  constructor(group: PeerGroup, settings: QueueSettings, context: QueueContext) {
    this.#group = group;
    this.#settings = settings;
    this.#context = context;
  }

  get isBusy(): boolean {
    return this.#length > 0;
  }

  /** Exchanges that wait. */
  get length(): number {
    return this.#length;
  }

  /** Follows a new configuration; those who wait stay. */
  configure(settings: QueueSettings): void {
    this.#settings = settings;
  }

  join(waiter: Waiter): Ticket | ProxyError | null {
    const { pendingMax, pendingTimeoutMs } = this.#settings;
    const { exchange } = waiter;
    // Where somebody waits already, a newcomer has as much reason to.
    const isWorthIt = this.isBusy && exchange.tried === null;
    if (!isWorthIt && !this.#couldBeServed(exchange)) return null;
    if (this.#length >= pendingMax) return new ProxyError('queue_full');
    const { places } = this.#laneOf(exchange.plan!.priority);
    const place: Place = {
      waiter,
      deadlineMs: this.#context.nowMs() + pendingTimeoutMs,
      leave: () => this.#leave(places, place),
    };
    places.add(place);
    this.#length += 1;
    this.#group.queue = this;
    this.#context.busy.add(this);
    return place;
  }

  /** A peer may have room. */
  wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    this.#context.soon(() => {
      this.#isWoken = false;
      this.#serve();
    });
  }

  /** Serves whom it can and refuses those who have waited long enough; to be called a few times a second. */
  sweep(nowMs: number): void {
    this.#serve();
    for (const { places } of this.#lanes) {
      for (const place of places) {
        // Who came later has the later deadline; a configuration that shortens it waits for the older.
        if (place.deadlineMs > nowMs) break;
        place.leave();
        place.waiter.refuse(new ProxyError('queue_timeout'));
      }
    }
  }

  #serve(): void {
    for (const { places } of this.#lanes) {
      let looked = 0;
      for (const place of places) {
        const { exchange } = place.waiter;
        const peer = exchange.plan!.balancer.pick(exchange);
        if (peer !== null) {
          place.leave();
          place.waiter.admit(peer);
          continue;
        }
        // Who has tried nobody stands for all behind it.
        looked += 1;
        if (exchange.tried === null || looked === LOOK_MAX) return;
      }
    }
  }

  #leave(places: Set<Place>, place: Place): void {
    if (!places.delete(place)) return;
    this.#length -= 1;
    if (this.#length > 0) return;
    this.#group.queue = null;
    this.#context.busy.delete(this);
  }

  /** Whether a peer is only full. */
  #couldBeServed(exchange: Exchange): boolean {
    return this.#settings.peers.some(
      (config) =>
        isFull(config) && isUsable(config.peer) && exchange.tried?.includes(config.peer) !== true,
    );
  }

  #laneOf(priority: number): Lane {
    const known = this.#lanes.find((lane) => lane.priority === priority);
    if (known !== undefined) return known;
    const lane: Lane = { priority, places: new Set() };
    this.#lanes.push(lane);
    this.#lanes.sort((one, other) => other.priority - one.priority);
    return lane;
  }
}
