// What the parts of one listener share: its handler, its settings, and what it counts.

import type { Entry, ExchangeHandler } from '../../../core/exchange.ts';
import type { ListenerSettings } from '../listener-settings.ts';
import type { Sweeper } from '../sweeper.ts';
import type { EndOfTurn } from './end-of-turn.ts';

export interface ListenerState {
  readonly handler: ExchangeHandler;
  readonly sweeper: Sweeper;
  readonly turn: EndOfTurn;
  /** Told about exceptions inside the listener or its handler: bugs. */
  readonly report: (error: unknown) => void;
  settings: ListenerSettings;
  /** Value of Strict-Transport-Security in all answers, or ''. */
  strictTransport: string;
  exchangesRunning: number;
  webSocketsOpen: number;
  isDraining: boolean;
}

/** One client's connection, whatever is spoken on it. */
export interface Connection {
  /** The listener's own, or one that knows the client's certificate. */
  readonly entry: Entry;
  /** Canonical text of the other end; '' on a unix socket. */
  readonly remoteAddress: string;
  /** Address and port that the client connected to, for clients that name no host. */
  readonly localAuthority: string;
}
