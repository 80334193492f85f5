// How many connections one client may have, by its address (a /64 of IPv6). Counted where an engine tells
// whose connection has ended; uws/client-census.ts is for the one that does not.

import { networkOf } from '../../std/network-of.ts';

/** What an operator has set; complete and checked. */
export interface ClientLimit {
  readonly max: number;
  /** Workers that share the port. */
  readonly workers: number;
  /** Load balancers of the operator's own speak for many. */
  isExempt(address: string): boolean;
  /** A connection was one too many. */
  onRefused(): void;
}

/** Connections that are open, by client; only of clients that have some, so it is as bounded as sockets are. */
export class ClientConnections {
  readonly #open = new Map<string, number>();

  /** Counts a connection; false when it is one too many, and then it does not count. */
  opened(address: string, limit: ClientLimit): boolean {
    const client = networkOf(address);
    const open = this.#open.get(client) ?? 0;
    if (open >= limit.max && address !== '' && !limit.isExempt(address)) {
      limit.onRefused();
      return false;
    }
    this.#open.set(client, open + 1);
    return true;
  }

  /** A connection that counted is over. */
  closed(address: string): void {
    const client = networkOf(address);
    const left = (this.#open.get(client) ?? 1) - 1;
    if (left > 0) this.#open.set(client, left);
    else this.#open.delete(client);
  }
}
