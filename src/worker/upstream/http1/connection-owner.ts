// What a connection needs around it: the worker's shared parts, and the pool that it belongs to.

import type { Peer } from '../../../core/peer.ts';
import type { Http1Options } from './options.ts';
import type { RequestBlock } from './request-block.ts';
import type { ResponseHead } from './response-head.ts';
import type { Sweeper } from './sweeper.ts';
import type { Transfer } from './transfer.ts';
import type { TurnEnd } from './turn-end.ts';

/** What all connections of a worker share. */
export interface Shared {
  /** Receives for all sockets, one callback at a time. */
  readonly buffer: Buffer;
  readonly sweeper: Sweeper;
  readonly turnEnd: TurnEnd;
  readonly block: RequestBlock;
}

/** A connection as its pool sees it. */
export interface PooledConnection {
  /** Place in the owner's list of all connections. */
  index: number;
  /** It is in the owner's list of those that can take an attempt. */
  isListed: boolean;
  readonly inFlight: number;
  /** For whom it is (core/proxy-header); null: for everybody. */
  readonly identity: string | null;
  /** Another attempt fits in; `isPipelined`: next to others. */
  hasRoom(isPipelined: boolean): boolean;
  /** Sends an attempt; the connection has room for it. */
  send(transfer: Transfer): void;
  /** Closes it if nothing is in flight. */
  retire(): void;
}

/** The pool that a connection belongs to. */
export interface ConnectionOwner {
  readonly peer: Peer;
  readonly options: Http1Options;
  /** Reads the heads of this upstream, one at a time. */
  readonly head: ResponseHead;
  readonly isRetired: boolean;
  /** The connection can take an attempt (more). */
  released(connection: PooledConnection): void;
  /** The connection is closed and takes no more room. */
  gone(connection: PooledConnection): void;
  /** An attempt that the peer has not begun to answer needs another connection. */
  repeat(transfer: Transfer): void;
  /** All consequences of a closed connection are dealt with: its room may be used. */
  settled(): void;
}
