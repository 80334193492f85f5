// Bounds the connections and the waiting of one upstream over the pools of all its peers, so that a
// busy peer may use the room of a quiet one.

/** A pool as its budget sees it. */
export interface BudgetUser {
  readonly waiting: number;
  /** Closes the connection unused for longest; false when all are in use. */
  closeOldestIdle(): boolean;
  /** There is room for a connection: opens one for whoever waits first. */
  openForWaiting(): void;
}

export class Budget {
  connections = 0;
  pending = 0;
  connectionsMax = 0;
  pendingMax = 0;
  readonly #users: BudgetUser[] = [];
  /** Where the next search for somebody waiting begins: pools take turns. */
  #turn = 0;

  configure(connectionsMax: number, pendingMax: number): void {
    this.connectionsMax = connectionsMax;
    this.pendingMax = pendingMax;
  }

  join(user: BudgetUser): void {
    this.#users.push(user);
  }

  leave(user: BudgetUser): void {
    const index = this.#users.indexOf(user);
    if (index >= 0) this.#users.splice(index, 1);
  }

  get isUnused(): boolean {
    return this.#users.length === 0;
  }

  /** Tells whether a connection may be opened, closing another peer's unused one if need be. */
  hasRoom(): boolean {
    if (this.connections < this.connectionsMax) return true;
    for (const user of this.#users) {
      if (user.closeOldestIdle()) return this.connections < this.connectionsMax;
    }
    return false;
  }

  /** Gives room that has become free to those who wait. */
  serveWaiting(): void {
    while (this.pending > 0 && this.connections < this.connectionsMax) {
      const user = this.#nextWaiting();
      if (user === null) return;
      user.openForWaiting();
    }
  }

  #nextWaiting(): BudgetUser | null {
    for (let tries = this.#users.length; tries > 0; tries--) {
      this.#turn = (this.#turn + 1) % this.#users.length;
      const user = this.#users[this.#turn]!;
      if (user.waiting > 0) return user;
    }
    return null;
  }
}
