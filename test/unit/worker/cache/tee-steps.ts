// What random plays are made of (tee-play.ts): what can happen, and what is known of who asked and was asked.

import type { TestContext } from 'node:test';
import type { Client, HeldRequest } from './cache-world.ts';

/** What is true all through a play. */
export interface Setting {
  /** Something between peer and cache adds a byte to each body. */
  readonly hasPeerStage: boolean;
  /** Something between cache and client does. */
  readonly hasClientStage: boolean;
  readonly hasSidecar: boolean;
  /** Peers take one request at a time. */
  readonly isNarrow: boolean;
  readonly retries: number;
  readonly objectBytesMax: number;
  /** Peers send one piece more when they are told to stop, and the next as soon as they may go on. */
  readonly isEager: boolean;
  /** Nothing happens that would be a reason to ask a peer for the same twice. */
  readonly isTame: boolean;
}

export interface AnswerSpec {
  readonly control: string;
  readonly status: number;
  readonly variesBy: '' | 'accept-language' | 'accept-encoding';
  readonly bytes: number;
  readonly isChunked: boolean;
}

export type Step =
  | {
      readonly kind: 'ask';
      readonly target: string;
      readonly method: 'GET' | 'HEAD';
      readonly language: string;
      readonly coding: string;
      readonly extra: readonly string[];
      readonly isFull: boolean;
      /** Is full after every second piece. */
      readonly isFitful: boolean;
      readonly isStuck: boolean;
      readonly tellsOfBreaks: boolean;
    }
  | { readonly kind: 'head'; readonly which: number; readonly answer: AnswerSpec }
  | { readonly kind: 'pass'; readonly seconds: number }
  | {
      readonly kind: 'fail';
      readonly which: number;
      readonly code: 'connect_failed' | 'peer_reset';
    }
  | { readonly kind: OfOne; readonly which: number }
  | { readonly kind: OfAll };

/** Done to one of those that there are. */
export type OfOne = 'leave' | 'read' | 'write' | 'end' | 'break' | 'tell' | 'tick' | 'hedge';
/** What is true of the whole from then on. */
export type OfAll = 'purge' | 'gone' | 'starve' | 'feed' | 'trip' | 'mend';

export const TAME: AnswerSpec = {
  control: 'max-age=60',
  status: 200,
  variesBy: '',
  bytes: 6,
  isChunked: false,
};

/** A request at the origin, and what it is told. */
export interface Told {
  readonly held: HeldRequest;
  readonly target: string;
  readonly sentAt: number;
  readonly isPersonal: boolean;
  readonly language: string;
  readonly coding: string;
  spec: AnswerSpec | null;
  text: string;
  given: number;
  isWhole: boolean;
  confirmed: number;
  readonly readers: Set<Client>;
}

export interface Asker {
  readonly client: Client;
  readonly target: string;
  readonly language: string;
  readonly coding: string;
  readonly range: boolean;
  readonly askedAt: number;
}

/** From now on timers of the test run only when a play wants them to; returns what is set, by id. */
export function heldTimers(test: TestContext): Map<number, () => void> {
  const timers = new Map<number, () => void>();
  let last = 0;
  test.mock.method(globalThis, 'setTimeout', (run: () => void) => {
    last += 1;
    timers.set(last, run);
    return last;
  });
  test.mock.method(globalThis, 'clearTimeout', (id: number) => timers.delete(id));
  return timers;
}

/** From now on a client is full after every second piece, until it reads. */
export function fillNowAndThen(client: Client): void {
  const write = client.write.bind(client);
  let pieces = 0;
  client.write = (chunk) => {
    pieces += 1;
    if (pieces % 2 === 0) client.isFull = true;
    return write(chunk);
  };
}

/** From now on `write` is called whenever the peer is told to go on after a pause. */
export function goOnAtOnce(held: HeldRequest, write: () => void): void {
  held.resume = () => {
    const wasPaused = held.isPaused;
    held.isPaused = false;
    if (wasPaused) write();
  };
}
