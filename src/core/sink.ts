// How bytes flow: a Source pushes into a Sink, and either may slow or stop the other. Used in both
// directions: response (peer → client) and request body (client → peer).

import type { ProxyError } from './errors.ts';
import type { RawHeaders } from './headers.ts';

/**
 * Receives one message body.
 *
 * Call order: `start` once, then any number of `write`, then exactly one of `end` or `fail`, unless the
 * sink cancelled its source, after which the source calls nothing more. All calls may come
 * synchronously from inside one another's callers; none of them throws.
 */
export interface Sink {
  /** What the client may act upon before the head comes (103, RFC 8297); left out: it is dropped. */
  hint?(fields: RawHeaders): void;
  /** The head is known; `source` is what to pause, resume or cancel from now on. */
  start(source: Source): void;
  /**
   * Takes a chunk. The bytes are valid only during the call: a sink that keeps them copies them.
   * Returns false when full: the source stops by itself (a few chunks already on their way may still
   * come) and goes on when the sink calls `source.resume()`.
   */
  write(chunk: Uint8Array): boolean;
  /** The message is complete. */
  end(): void;
  /** The message broke off: what was sent must not look complete. */
  fail(error: ProxyError): void;
}

/** Where a message body comes from. All calls are idempotent and allowed at any time after `start`. */
export interface Source {
  /** Fields after a request body, there before the sink's `end`; left out or null for none. */
  readonly trailers?: RawHeaders | null;
  pause(): void;
  resume(): void;
  /** Nobody wants the rest: release everything, call the sink no more. */
  cancel(error: ProxyError): void;
}
