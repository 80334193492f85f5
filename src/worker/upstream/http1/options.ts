// What the operator may set about the transport to the peers of one upstream, in one complete object.

import type { SendProxy } from '../../../core/proxy-header.ts';

/** Everything the transport needs to know of one upstream. All bounds are this worker's share. */
export interface Http1Options {
  /** Name of the upstream; connections and pending exchanges are bounded per name. */
  readonly upstream: string;
  /** Requests in flight on one connection (GET and HEAD without body only); 1 is off. */
  readonly pipelining: number;
  /** Open connections to all peers of the upstream together. */
  readonly connectionsMax: number;
  /** Exchanges that may wait for a connection, and for how long each. */
  readonly pendingMax: number;
  readonly pendingTimeoutMs: number;
  readonly keepAlive: {
    /** Unused connections are closed after this, or as the peer's Keep-Alive field says. */
    readonly idleMs: number;
    /** A connection is closed after this many requests, and at this age. */
    readonly requestsMax: number;
    readonly ageMs: number;
  };
  readonly timeouts: {
    /** DNS, TCP and TLS together. */
    readonly connectMs: number;
    /** From the last byte of the request to the end of the response head. */
    readonly headMs: number;
    /** Between two pieces of a body. */
    readonly bodyIdleMs: number;
  };
  readonly responseHeadBytesMax: number;
  /** Connections begin with a PROXY header and are for one client each; left out: they do not. */
  readonly sendProxy?: SendProxy;
  readonly tls: {
    readonly verify: boolean;
    /** PEM text of the authorities to trust, or null for the system's own. */
    readonly ca: string | null;
    /** PEM texts of the certificate that peers are shown, and of its key; left out or null for none. */
    readonly cert?: string | null;
    readonly key?: string | null;
    /** Name sent as SNI and expected in the certificate, or null for the peer's host. */
    readonly serverName: string | null;
  };
}

/**
 * Tells which connections are interchangeable: pools of one peer are shared by all configurations whose
 * key is equal. All other settings may change under a living pool.
 */
export function transportKey(options: Http1Options): string {
  return JSON.stringify([options.upstream, options.tls, options.sendProxy]);
}
