// What the parts of one listener share: its handler, its settings, and what it counts.

import type { Entry, ExchangeHandler } from '../../../core/exchange.ts';
import type { HeadMemo } from './head-memo.ts';
import type { Sweeper } from './sweeper.ts';
import type { UpgradeShelter } from './upgrade-shelter.ts';

/** What an operator can set about a listener; complete and checked. Sizes in bytes, times in ms. */
export interface ListenerSettings {
  /** At most 98, which is what the engine takes. */
  readonly requestHeaderCount: number;
  readonly replayBytes: number;
  readonly streamBufferBytes: number;
  /** Read when the listener opens; a later change is for listeners that open then. */
  readonly webSocketMessageBytes: number;
  /** Exchanges at a time on this listener. */
  readonly exchangesMax: number;
  readonly requestBodyIdleMs: number;
  readonly webSocketIdleMs: number;
}

export interface ListenerState {
  readonly entry: Entry;
  readonly handler: ExchangeHandler;
  readonly sweeper: Sweeper;
  readonly heads: HeadMemo;
  readonly shelter: UpgradeShelter;
  /** Told about exceptions inside the listener or its handler: bugs. */
  readonly report: (error: unknown) => void;
  settings: ListenerSettings;
  exchangesRunning: number;
  webSocketsOpen: number;
  isDraining: boolean;
}
