// What the operator may set about WebSockets to the peers of one upstream, in one complete object.

import type { SendProxy } from '../../core/proxy-header.ts';

/** Everything a tunnel needs to know of one upstream. */
export interface TunnelOptions {
  readonly timeouts: {
    /** DNS, TCP and TLS together. */
    readonly connectMs: number;
    /** From the sent request to the end of the response head. */
    readonly headMs: number;
    /** Between two pieces of the body of a refusal. */
    readonly bodyIdleMs: number;
  };
  /** A tunnel without a message or ping in either direction is closed after this. */
  readonly idleMs: number;
  /** Largest message from a peer, all fragments together. */
  readonly messageBytesMax: number;
  readonly responseHeadBytesMax: number;
  /** Connections begin with a PROXY header; left out: they do not. */
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
