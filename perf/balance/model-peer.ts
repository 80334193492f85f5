// A backend as a model: so many requests at a time, each for a while, the rest wait in order. That is a
// pool of processes or threads; with endless slots it is a service that only adds delay.

import type { EventQueue } from './event-queue.ts';

export interface PeerModel {
  /** Requests that are worked on at a time. */
  readonly slots: number;
  /** Mean time of work on one request. */
  readonly serviceMs: number;
}

/** Told when a request is through: how long it waited for a slot. */
export type Served = (queuedMs: number) => void;

export class ModelPeer {
  readonly #events: EventQueue;
  readonly #model: PeerModel;
  /** Draws the time of work from a mean. */
  readonly #service: (meanMs: number) => number;
  #busy = 0;
  readonly #waiting: { readonly sinceMs: number; readonly served: Served }[] = [];
  #head = 0;

  constructor(events: EventQueue, model: PeerModel, service: (meanMs: number) => number) {
    this.#events = events;
    this.#model = model;
    this.#service = service;
  }

  /** A request arrives. */
  take(served: Served): void {
    if (this.#busy < this.#model.slots) this.#work(0, served);
    else this.#waiting.push({ sinceMs: this.#events.nowMs, served });
  }

  #work(queuedMs: number, served: Served): void {
    this.#busy += 1;
    this.#events.after(this.#service(this.#model.serviceMs), () => {
      this.#busy -= 1;
      served(queuedMs);
      const next = this.#waiting[this.#head];
      if (next === undefined) return;
      this.#head += 1;
      if (this.#head > 1024) this.#waiting.splice(0, this.#head);
      if (this.#head > 1024) this.#head = 0;
      this.#work(this.#events.nowMs - next.sinceMs, next.served);
    });
  }
}
