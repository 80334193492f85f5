// What the parts of one listener share: its handler, its settings, and what it counts.

import type { Entry, ExchangeHandler } from '../../../core/exchange.ts';
import type { ListenerSettings } from '../listener-settings.ts';
import type { Sweeper } from '../sweeper.ts';
import type { HeadMemo } from './head-memo.ts';
import type { SoleClient } from './sole-client.ts';
import type { UpgradeShelter } from './upgrade-shelter.ts';

export interface ListenerState {
  readonly entry: Entry;
  readonly handler: ExchangeHandler;
  readonly sweeper: Sweeper;
  readonly heads: HeadMemo;
  readonly soleClient: SoleClient;
  readonly shelter: UpgradeShelter;
  /** Told about exceptions inside the listener or its handler: bugs. */
  readonly report: (error: unknown) => void;
  settings: ListenerSettings;
  /** Value of Strict-Transport-Security in all answers, or ''. */
  readonly strictTransport: string;
  exchangesRunning: number;
  webSocketsOpen: number;
  /** Held for request bodies of which more waits than one may have for itself. */
  overrunBytes: number;
  isDraining: boolean;
  /** All connections have been cut. */
  isClosed: boolean;
}
