// What the operator may set about the undici transport to the peers of one upstream, in one complete
// object. Named like the options of upstream/http1, so that one object fits both.

/** Everything the transport needs to know of one upstream. All bounds are this worker's share. */
export interface UndiciOptions {
  /** Name of the upstream, for messages. */
  readonly upstream: string;
  /** Connections to all peers of the upstream together; an HTTP/2 one carries many exchanges. */
  readonly connectionsMax: number;
  /** Exchanges that may wait for a connection, and for how long each. */
  readonly pendingMax: number;
  readonly pendingTimeoutMs: number;
  readonly keepAlive: {
    /** Unused connections are closed after this, or as the peer's Keep-Alive field says. */
    readonly idleMs: number;
    /** A connection is closed after this many requests, and at this age once it is idle. */
    readonly requestsMax: number;
    readonly ageMs: number;
  };
  readonly timeouts: {
    /** DNS, TCP and TLS together. */
    readonly connectMs: number;
    /** From the sent request to the end of the response head. */
    readonly headMs: number;
    /** Between two pieces of a body. */
    readonly bodyIdleMs: number;
  };
  readonly responseHeadBytesMax: number;
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
  /**
   * HTTP/2 without TLS by prior knowledge (RFC 9113 section 3.3) to peers with an http URL; they must all
   * speak it. Peers with an https URL choose by ALPN.
   */
  readonly h2c?: boolean;
}
