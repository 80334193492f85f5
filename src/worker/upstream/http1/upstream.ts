// The transport as one configuration sees it: the peers of one upstream, each with its pool.

import { ProxyError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Peer } from '../../../core/peer.ts';
import type { Attempt, Upstream } from '../../../core/upstream.ts';
import type { Http1Options } from './options.ts';
import type { Pool, PoolStats } from './pool.ts';
import type { Http1Pools } from './pools.ts';

/** Peers known in advance get their pools at once, so that a reload finds them before the old one ends. */
export interface Http1UpstreamOptions extends Http1Options {
  readonly peers: readonly Peer[];
}

/** Creates the transport of one upstream on the pools of this worker. */
export function createHttp1Upstream(
  options: Http1UpstreamOptions,
  pools: Http1Pools,
): Http1Upstream {
  return new Http1Upstream(options, pools);
}

export class Http1Upstream implements Upstream {
  readonly #options: Http1Options;
  readonly #pools: Http1Pools;
  readonly #byPeer = new Map<Peer, Pool>();
  #isDraining = false;

  constructor(options: Http1UpstreamOptions, pools: Http1Pools) {
    this.#options = options;
    this.#pools = pools;
    for (const peer of options.peers) this.#add(peer);
  }

  send(exchange: Exchange, peer: Peer, attempt: Attempt): void {
    const pool = this.#byPeer.get(peer) ?? this.#add(peer);
    pool.send(exchange, attempt);
  }

  /**
   * The configuration is replaced: gives the pools back. Those that no other configuration uses keep no
   * connection from now on. What runs is finished, and exchanges of the old plan may still be sent.
   */
  drain(): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    for (const pool of this.#byPeer.values()) this.#pools.release(pool);
  }

  /** Ends all connections that no other configuration uses, and what runs on them. */
  close(): void {
    this.drain();
    for (const pool of this.#byPeer.values()) {
      if (pool.isRetired) pool.destroy(new ProxyError('draining'));
    }
  }

  stats(): PoolStats[] {
    return [...this.#byPeer.values()].map((pool) => pool.stats);
  }

  #add(peer: Peer): Pool {
    const pool = this.#isDraining
      ? this.#pools.borrow(peer, this.#options)
      : this.#pools.acquire(peer, this.#options);
    this.#byPeer.set(peer, pool);
    return pool;
  }
}
