// The transport on undici: HTTP/2 where the peer speaks it, HTTP/1.1 elsewhere. The general case and the
// yardstick for upstream/http1, at about twice the CPU time per request.

import type { Exchange } from '../../../core/exchange.ts';
import type { Peer } from '../../../core/peer.ts';
import type { Attempt, Upstream } from '../../../core/upstream.ts';
import { AttemptHandler } from './attempt-handler.ts';
import { ConnectionBudget } from './connection-budget.ts';
import { guardHttp2Streams } from './http2-guard.ts';
import type { UndiciOptions } from './options.ts';
import { PeerPool } from './peer-pool.ts';

/** The transport to the peers of one upstream in one configuration. */
export interface UndiciUpstream extends Upstream {
  /** Open connections, and exchanges that wait for one, over all peers. */
  readonly connections: number;
  readonly pending: number;
  /** Connections to other peers close: the unused now, the others after their exchanges. */
  keepOnly(peers: readonly Peer[]): void;
  /** Another configuration took over: unused connections close now, the others after their exchanges. */
  drain(): void;
  /** Ends all connections and what runs on them. */
  close(): void;
}

/** Creates the transport; connects to nobody before the first exchange. */
export function createUndiciUpstream(options: UndiciOptions): UndiciUpstream {
  guardHttp2Streams();
  const budget = new ConnectionBudget(options.connectionsMax, options.pendingMax);
  const pools = new Map<Peer, PeerPool>();
  return {
    get connections() {
      return budget.connections;
    },
    get pending() {
      return budget.pending;
    },
    send(exchange: Exchange, peer: Peer, attempt: Attempt): void {
      let pool = pools.get(peer);
      if (pool === undefined) {
        pool = new PeerPool(peer, options, budget);
        pools.set(peer, pool);
      }
      pool.send(new AttemptHandler(exchange, peer, attempt, { carrier: pool, options }));
    },
    keepOnly(peers: readonly Peer[]): void {
      const kept = new Set(peers);
      for (const [peer, pool] of pools) {
        if (kept.has(peer)) continue;
        pools.delete(peer);
        pool.drain();
        budget.remove(pool);
      }
    },
    drain(): void {
      for (const pool of pools.values()) pool.drain();
    },
    close(): void {
      for (const pool of pools.values()) pool.destroy();
    },
  };
}
