// Everybody who waits for one fetch: who comes first set it off, the others joined.

import type { ProxyError } from '../../core/errors.ts';
import type { Waiter } from './waiter.ts';

export class Audience {
  #waiters: Waiter[] = [];

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  get first(): Waiter | null {
    return this.#waiters[0] ?? null;
  }

  /** Some have no room for more. */
  get isBlocked(): boolean {
    return this.#waiters.some((waiter) => waiter.isBlocked);
  }

  get isCaughtUp(): boolean {
    return this.#waiters.every((waiter) => waiter.isCaughtUp);
  }

  /** A copy: whoever goes through it may change who is here. */
  get all(): readonly Waiter[] {
    return this.#waiters.slice();
  }

  add(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  remove(waiter: Waiter): void {
    const at = this.#waiters.indexOf(waiter);
    if (at !== -1) this.#waiters.splice(at, 1);
  }

  /** Everybody gets what is newly held. */
  pump(): void {
    if (this.#waiters.length === 1) this.#waiters[0]!.pump();
    else for (const waiter of this.all) waiter.pump();
  }

  /** Everybody gets a chunk that is not held; false when somebody wants no more for now. */
  relay(chunk: Uint8Array): boolean {
    if (this.#waiters.length === 1) return this.#waiters[0]!.relay(chunk);
    let isFull = false;
    for (const waiter of this.all) if (!waiter.relay(chunk)) isFull = true;
    return !isFull;
  }

  /** The body is over for those who have begun, by an error or null; returns those who have not. */
  finish(error: ProxyError | null): readonly Waiter[] {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) if (waiter.isStreaming) waiter.finish(error);
    return waiters.filter((waiter) => !waiter.isStreaming);
  }
}
