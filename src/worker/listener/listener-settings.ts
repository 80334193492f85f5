// What an operator can set about a listener, whatever its engine; complete and checked.

import type { ClientLimit } from './client-limit.ts';

/** Sizes in bytes, times in ms. */
export interface ListenerSettings {
  /** At most 98, which is what uWebSockets.js takes. */
  readonly requestHeaderCount: number;
  /** Engine node, read when the listener opens; that of uws comes from the environment. */
  readonly requestHeadBytes: number;
  readonly replayBytes: number;
  readonly streamBufferBytes: number;
  /** Read when the listener opens; a later change is for listeners that open then. */
  readonly webSocketMessageBytes: number;
  /** Exchanges at a time on this listener. */
  readonly exchangesMax: number;
  /** Engine node: from the start of a connection or request to the end of its head, TLS included. */
  readonly requestHeadMs: number;
  /** Engine node: how long a connection may be without a request. */
  readonly clientIdleMs: number;
  readonly requestBodyIdleMs: number;
  /** Least rate of a request body, 0 for any, and how long it may be slower. */
  readonly uploadBytesPerSecond: number;
  readonly uploadPaceMs: number;
  readonly webSocketIdleMs: number;
  /** Null: a client may have as many connections as it likes. */
  readonly clientLimit: ClientLimit | null;
}
