// Everybody who waits for one fetch: the owner, whose request was sent, and those who joined. The owner may
// have left, or was never here: what is meant for it alone is then for nobody.

import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Waiter } from './waiter.ts';

export class Audience {
  readonly #client: Exchange;
  #waiters: Waiter[] = [];

  /** `client`: whose request is sent. */
  constructor(client: Exchange) {
    this.#client = client;
  }

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  /** Whose request was sent; null when it is not here. It is always the first. */
  get owner(): Waiter | null {
    const first = this.#waiters[0];
    return first?.exchange === this.#client ? first : null;
  }

  /** Some have no room for more. */
  get isBlocked(): boolean {
    for (const waiter of this.#waiters) if (waiter.isBlocked) return true;
    return false;
  }

  get isCaughtUp(): boolean {
    return this.#waiters.every((waiter) => waiter.isCaughtUp);
  }

  /** Some have got everything and could take more, others are behind. */
  get isHeldUp(): boolean {
    let ready = 0;
    for (const waiter of this.#waiters) if (isReady(waiter)) ready += 1;
    return ready > 0 && ready < this.#waiters.length;
  }

  /** Those who are behind get an error, and are here no longer. */
  dropSlow(error: ProxyError): void {
    const slow = this.#waiters.filter((waiter) => !isReady(waiter));
    this.#waiters = this.#waiters.filter(isReady);
    for (const waiter of slow) waiter.finish(error);
  }

  /** A copy: whoever goes through it may change who is here. */
  get all(): readonly Waiter[] {
    return this.#waiters.slice();
  }

  add(waiter: Waiter): void {
    this.#waiters.push(waiter);
  }

  /** The owner comes when others wait already: it wanted nothing but the answer. */
  addOwner(waiter: Waiter): void {
    this.#waiters.unshift(waiter);
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

  /** Everybody gets a chunk that is not held. */
  relay(chunk: Uint8Array): void {
    if (this.#waiters.length === 1) this.#waiters[0]!.relay(chunk);
    else for (const waiter of this.all) waiter.relay(chunk);
  }

  /** The body is over for those who have begun, by an error or null; returns those who have not. */
  finish(error: ProxyError | null): readonly Waiter[] {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) if (waiter.isStreaming) waiter.finish(error);
    return waiters.filter((waiter) => !waiter.isStreaming);
  }
}

function isReady(waiter: Waiter): boolean {
  return waiter.isCaughtUp && !waiter.isBlocked;
}
