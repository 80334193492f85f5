// Remembers the client's address as long as all open connections come from one: behind a load balancer
// or another proxy that is the rule. The engine has no place for an address per connection and asks the
// kernel anew for each request (a system call, an ArrayBuffer and its collection: 8 % of a small one).
// As soon as two addresses are open at once every request asks again, until no connection is left.

import type { HttpResponse } from 'uWebSockets.js';
import { addressText } from './address.ts';

export class SoleClient {
  #open = 0;
  #address: string | null = null;

  /** The address of every open connection; null when they may differ: ask for the request's own. */
  get address(): string | null {
    return this.#address;
  }

  /** A connection has been accepted; comes before its first request. */
  opened(response: HttpResponse): void {
    this.#open += 1;
    // Must be asked at once: a connection that is gone already has none, and then nobody's word counts.
    const address = addressText(response.getRemoteAddress());
    if (this.#open === 1) this.#address = address === '' ? null : address;
    else if (address !== this.#address) this.#address = null;
  }

  /** A connection is over; it can't be asked for its address any more. */
  closed(): void {
    this.#open -= 1;
  }
}
