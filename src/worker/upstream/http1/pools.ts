// All pools of a worker. They outlive configurations: an upstream of a new configuration finds the pool
// of a peer again when the peer and the way to connect are the same, with its connections still warm.

import { ProxyError } from '../../../core/errors.ts';
import { limits } from '../../../core/limits.ts';
import type { Peer } from '../../../core/peer.ts';
import { type Clock, systemClock } from '../../../std/clock.ts';
import { Budget } from './budget.ts';
import type { Shared } from './connection-owner.ts';
import { type Http1Options, transportKey } from './options.ts';
import { Pool, type PoolGroup, type PoolStats } from './pool.ts';
import { RequestBlock } from './request-block.ts';
import { ResponseHead } from './response-head.ts';
import { Sweeper } from './sweeper.ts';
import { TurnEnd } from './turn-end.ts';

export interface Http1PoolsOptions {
  readonly clock?: Clock;
  /** How often deadlines are looked at, in ms. */
  readonly sweepMs?: number;
}

interface Entry {
  readonly key: string;
  readonly pool: Pool;
  readonly group: PoolGroup;
  /** Upstreams of installed configurations that use it. */
  users: number;
}

export class Http1Pools {
  readonly #shared: Shared;
  readonly #entries = new Map<string, Entry>();
  /** By the name of the upstream. */
  readonly #groups = new Map<string, PoolGroup>();
  /** No upstream uses them any more, but exchanges of an old configuration still run on them. */
  readonly #retired = new Set<Entry>();

  constructor(options: Http1PoolsOptions = {}) {
    this.#shared = {
      // One buffer receives for every socket: libuv asks for it, reads into it and calls back in one
      // go (uv__read on Linux and macOS), and everything in it is parsed or copied before the callback
      // returns. On Windows, where a read owns its buffer until it completes, this would be wrong.
      buffer: Buffer.allocUnsafeSlow(limits.streamHighWaterBytes),
      sweeper: new Sweeper(options.clock ?? systemClock, options.sweepMs ?? 250),
      turnEnd: new TurnEnd(),
      block: new RequestBlock(),
    };
  }

  /** Returns the pool of `peer`, with `options` in force from now on. Ends with `release`. */
  acquire(peer: Peer, options: Http1Options): Pool {
    const key = keyOf(peer, options);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = this.#create(key, peer, options);
      this.#entries.set(key, entry);
    }
    entry.users += 1;
    entry.pool.options = options;
    entry.group.budget.configure(options.connectionsMax, options.pendingMax);
    return entry.pool;
  }

  /** Returns a pool for an exchange of a configuration that is already replaced; nothing to release. */
  borrow(peer: Peer, options: Http1Options): Pool {
    const key = keyOf(peer, options);
    const existing = this.#entries.get(key);
    if (existing !== undefined) return existing.pool;
    const entry = this.#create(key, peer, options);
    entry.group.budget.configure(options.connectionsMax, options.pendingMax);
    entry.pool.retire();
    this.#retired.add(entry);
    return entry.pool;
  }

  /** Gives a pool back; after its last user it keeps no connections and ends with what runs on it. */
  release(pool: Pool): void {
    for (const entry of this.#entries.values()) {
      if (entry.pool !== pool) continue;
      entry.users -= 1;
      if (entry.users > 0) return;
      this.#entries.delete(entry.key);
      this.#retired.add(entry);
      pool.retire();
      return;
    }
  }

  get stats(): PoolStats[] {
    return [...this.#entries.values()].map((entry) => entry.pool.stats);
  }

  /** Cuts everything; no attempt is sent after this. */
  close(): void {
    for (const entry of [...this.#entries.values(), ...this.#retired]) {
      entry.pool.destroy(new ProxyError('draining'));
      this.#forget(entry);
    }
    this.#entries.clear();
    this.#retired.clear();
    this.#shared.sweeper.remove(this);
  }

  /** Called with every sweep: forgets the retired pools that have run dry. */
  sweep(): void {
    for (const entry of this.#retired) {
      if (!entry.pool.isEmpty) continue;
      this.#retired.delete(entry);
      this.#forget(entry);
    }
  }

  #create(key: string, peer: Peer, options: Http1Options): Entry {
    let group = this.#groups.get(options.upstream);
    if (group === undefined) {
      group = { budget: new Budget(), head: new ResponseHead() };
      this.#groups.set(options.upstream, group);
    }
    const pool = new Pool(peer, options, this.#shared, group);
    group.budget.join(pool);
    this.#shared.sweeper.add(this);
    return { key, pool, group, users: 0 };
  }

  #forget(entry: Entry): void {
    const { pool, group } = entry;
    group.budget.leave(pool);
    const { upstream } = pool.options;
    if (group.budget.isUnused && this.#groups.get(upstream) === group)
      this.#groups.delete(upstream);
  }
}

function keyOf(peer: Peer, options: Http1Options): string {
  return `${peer.id} ${transportKey(options)}`;
}
