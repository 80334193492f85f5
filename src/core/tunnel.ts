// A WebSocket as both its ends see it: whole messages, each end terminated and re-framed by us.

import type { Exchange } from './exchange.ts';
import type { RawHeaders } from './headers.ts';
import type { Peer } from './peer.ts';
import type { Source } from './sink.ts';
import type { Attempt } from './upstream.ts';

/** One end of an open WebSocket. Calls after `close`, `terminate` or `onClose` do nothing. */
export interface WebSocketEnd {
  /** Sends one message (bytes copied or taken during the call); false: full, wait for `onDrain`. */
  send(message: Uint8Array, isBinary: boolean): boolean;
  ping(payload: Uint8Array): void;
  /** Starts the closing handshake; code 1005 means "without a code" (RFC 6455 section 7.4.1). */
  close(code: number, reason: string): void;
  /** Drops the connection without a handshake: the other side sees 1006. */
  terminate(): void;
  /** Stops reading until `resume`; a few messages already on their way may still come. */
  pause(): void;
  resume(): void;
}

/** What an end reports to whoever joined it. `message` and `payload` are valid only during the call. */
export interface WebSocketEvents {
  onOpen(end: WebSocketEnd): void;
  onMessage(message: Uint8Array, isBinary: boolean): void;
  onPing(payload: Uint8Array): void;
  onDrain(): void;
  /** Exactly once after `onOpen`; 1006 when the connection broke without a closing handshake. */
  onClose(code: number, reason: string): void;
}

/** A client's request to upgrade, waiting for the peer's answer; null in all other exchanges. */
export interface WebSocketOffer {
  /** Subprotocols offered, in order. */
  readonly protocols: readonly string[];
  /**
   * Answers 101 with the peer's end-to-end headers and chosen subprotocol ('' for none). To refuse,
   * answer the exchange through its sink like any other. Ends the exchange (`finished`) when closed.
   */
  accept(protocol: string, headers: RawHeaders, events: WebSocketEvents): void;
}

/** What an attempt to join a client's WebSocket with a peer's reports. */
export interface TunnelAttempt extends Attempt {
  /**
   * The peer switched protocols: `status` (101) and the end-to-end `responseHeaders` are in the exchange
   * and go to the client when this returns. Comes instead of `onHead`; exactly one `onDone` follows when
   * the peer's socket is over.
   */
  onUpgraded(source: Source): void;
}

/**
 * A transport for exchanges with a `webSocket` offer. A peer that refuses to switch is reported like any
 * other response (`onHead`), and what fails before that like any other failure (`onFailure`).
 */
export interface Tunnel {
  send(exchange: Exchange, peer: Peer, attempt: TunnelAttempt): void;
}
