// Whose unused connection makes room when an upstream has as many as it may.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Budget, type BudgetUser } from '../../../../../src/worker/upstream/http1/budget.ts';

/** A pool that has only unused connections. */
class UnusedPool implements BudgetUser {
  readonly waiting = 0;
  isSpare = false;
  unused = 0;
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
    budget.join(this);
  }

  open(count: number): void {
    for (let at = 0; at < count; at++) {
      this.unused += 1;
      this.#budget.connections += 1;
      if (this.unused > 1 && !this.isSpare) this.#budget.hasSpare(this);
    }
  }

  closeOldestIdle(): boolean {
    if (this.unused === 0) return false;
    this.unused -= 1;
    this.#budget.connections -= 1;
    return true;
  }

  openForWaiting(): void {}
}

function poolsWith(...counts: number[]): { budget: Budget; pools: UnusedPool[] } {
  const budget = new Budget();
  const pools = counts.map((count) => {
    const pool = new UnusedPool(budget);
    pool.open(count);
    return pool;
  });
  budget.configure(budget.connections, 0);
  return { budget, pools };
}

describe('the budget of an upstream', () => {
  it('closes first where others are left', () => {
    const { budget, pools } = poolsWith(1, 3, 1, 2, 1);
    for (let opened = 0; opened < 3; opened++) {
      assert.ok(budget.hasRoom());
      budget.connections += 1;
    }
    assert.deepEqual(
      pools.map(({ unused }) => unused),
      [1, 1, 1, 1, 1],
    );
  });

  it('then takes the last ones of all pools in turn', () => {
    const { budget, pools } = poolsWith(1, 1, 1);
    const closed = [];
    for (let opened = 0; opened < 3; opened++) {
      assert.ok(budget.hasRoom());
      budget.connections += 1;
      closed.push(pools.findIndex(({ unused }) => unused === 0));
      pools.find(({ unused }) => unused === 0)!.unused = 1;
    }
    assert.deepEqual(closed.sort(), [0, 1, 2]);
  });

  it('knows spare ones again after they were used', () => {
    const { budget, pools } = poolsWith(1, 2);
    pools[1]!.unused = 0;
    assert.ok(budget.hasRoom());
    assert.equal(pools[0]!.unused, 0);
    budget.connections += 1;
    pools[1]!.unused = 1;
    pools[1]!.open(1);
    pools[0]!.open(1);
    budget.configure(budget.connections, 0);
    assert.ok(budget.hasRoom());
    assert.equal(pools[1]!.unused, 1);
  });

  it('has no room while all connections are in use', () => {
    const { budget, pools } = poolsWith(2, 1);
    for (const pool of pools) pool.unused = 0;
    assert.equal(budget.hasRoom(), false);
  });
});
