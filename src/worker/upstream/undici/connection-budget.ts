// What the pools of one upstream share: how many connections and waiting exchanges there may be in all,
// and who gets the next connection when there are no more.

/** A pool as the budget sees it. */
export interface BudgetedPool {
  /** `performance.now()`-like order of the exchange that waits longest; Infinity when none does. */
  readonly waitingSince: number;
  /** Closes one unused connection, if there is one. */
  closeIdle(): boolean;
  /** A connection may be opened for what waits. */
  serveWaiting(): void;
}

export class ConnectionBudget {
  readonly #connectionsMax: number;
  readonly #pendingMax: number;
  readonly #pools = new Set<BudgetedPool>();
  readonly #waiting = new Set<BudgetedPool>();
  #connections = 0;
  #pending = 0;

  constructor(connectionsMax: number, pendingMax: number) {
    this.#connectionsMax = connectionsMax;
    this.#pendingMax = pendingMax;
  }

  get connections(): number {
    return this.#connections;
  }

  get pending(): number {
    return this.#pending;
  }

  add(pool: BudgetedPool): void {
    this.#pools.add(pool);
  }

  /** The pool opens nothing any more; what it holds it gives back when that ends. */
  remove(pool: BudgetedPool): void {
    this.#pools.delete(pool);
  }

  /** Takes the right to one more connection, if need be from another pool that does not use its own. */
  takeConnection(): boolean {
    if (this.#connections >= this.#connectionsMax && !this.#closeIdle()) return false;
    this.#connections += 1;
    return true;
  }

  giveConnection(): void {
    this.#connections -= 1;
    this.#longestWaiting()?.serveWaiting();
  }

  takePending(pool: BudgetedPool): boolean {
    if (this.#pending >= this.#pendingMax) return false;
    this.#pending += 1;
    this.#waiting.add(pool);
    return true;
  }

  givePending(pool: BudgetedPool): void {
    this.#pending -= 1;
    if (pool.waitingSince === Infinity) this.#waiting.delete(pool);
  }

  /**
   * Whether a connection that `pool` has just finished with should rather make room for another pool,
   * where an exchange has waited longer than any of this one.
   */
  shouldYield(pool: BudgetedPool): boolean {
    if (this.#waiting.size === 0 || this.#connections < this.#connectionsMax) return false;
    return this.#longestWaiting() !== pool;
  }

  #longestWaiting(): BudgetedPool | null {
    let found: BudgetedPool | null = null;
    for (const pool of this.#waiting) {
      if (found === null || pool.waitingSince < found.waitingSince) found = pool;
    }
    return found;
  }

  #closeIdle(): boolean {
    for (const pool of this.#pools) {
      if (pool.closeIdle()) return true;
    }
    return false;
  }
}
