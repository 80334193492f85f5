// A transport to peers: sends one attempt and reports what comes of it.

import type { ProxyError } from './errors.ts';
import type { Exchange } from './exchange.ts';
import type { Peer } from './peer.ts';
import type { Sink, Source } from './sink.ts';

/**
 * Sends `exchange` (method, target, host, requestHeaders, requestBody) to `peer`.
 *
 * The transport adds Host and the framing headers; `requestHeaders` holds neither those nor any
 * hop-by-hop field. It fills `exchange.status`, `responseHeaders` and `responseByteLength` just before
 * `onHead`, without hop-by-hop and framing fields. Interim (1xx) responses are consumed. Sets
 * `exchange.running` to its cancel handle while it has not reported; never throws.
 */
export interface Upstream {
  send(exchange: Exchange, peer: Peer, attempt: Attempt): void;
}

/**
 * What an attempt reports: exactly one of `onHead` or `onFailure`, once; after `onHead` exactly one
 * `onDone`. After `source.cancel` before the head: nothing at all; after the head: `onDone`.
 */
export interface Attempt {
  /** The response head is in the exchange; returns where the body goes. The transport calls `start` on it. */
  onHead(source: Source): Sink;
  /** No response head came; another attempt may follow. */
  onFailure(error: ProxyError): void;
  /** The peer's part is over: null complete, else why it broke off or was cancelled. */
  onDone(error: ProxyError | null): void;
}
