// A client that waits for a fetch, and then gets what it brings while it arrives.
//
//   waiting ──begin──► streaming ──all given──► over
//      │ └─ answered from the store, or let go: the exchange is somebody else's ─► over
//      └── the client leaves ─► over

import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { limits } from '../../core/limits.ts';
import type { Sink, Source } from '../../core/sink.ts';
import type { Wanted } from './answer.ts';
import type { Directives } from './cache-control.ts';
import type { ForwardReason } from './cache-status.ts';
import type { RequestFacts } from './request-facts.ts';

/** What a waiter reads from; implemented by fetched-body.ts. */
export interface Feed {
  /** What has arrived and may still be wanted. */
  readonly held: Uint8Array;
  /** Length of that. */
  readonly heldBytes: number;
  /** No more will come. */
  readonly isComplete: boolean;
  /** The waiter has got all there is, after it had been slower. */
  caughtUp(): void;
  /** The waiter wants no more for now. */
  blocked(): void;
}

/** What a waiter waits for; implemented by fill.ts. */
export interface AwaitedFetch {
  readonly body: Feed;
  /** The waiter is gone. */
  leave(waiter: Waiter, error: ProxyError): void;
}

/** What a client that waits wants besides the answer. */
export interface Wishes extends Wanted {
  /** `stale-if-error` of its request in s, -1 for none. */
  readonly staleIfError: number;
}

/** The answer as it is. */
export const NO_WISHES: Wishes = {
  range: '',
  ifRange: '',
  ifNoneMatch: '',
  ifModifiedSince: '',
  staleIfError: -1,
};

/** Returns what a request says, with its directives for caches (null for none): mostly nothing. */
export function wishesOf(facts: RequestFacts, directives: Directives | null): Wishes {
  const { range, ifRange, ifNoneMatch, ifModifiedSince } = facts;
  const isPlain = range === '' && ifNoneMatch === '' && ifModifiedSince === '';
  if (isPlain && directives === null) return NO_WISHES;
  const staleIfError = directives?.staleIfError ?? -1;
  return { range, ifRange, ifNoneMatch, ifModifiedSince, staleIfError };
}

const PIECE_BYTES = limits.streamHighWaterBytes;

export class Waiter implements Source {
  readonly exchange: Exchange;
  readonly wanted: Wishes;
  /** Why it did not get an answer from the store. */
  readonly reason: ForwardReason;
  readonly #fetch: AwaitedFetch;
  readonly #feed: Feed;
  #sink: Sink | null = null;
  #given = 0;
  #isPaused = false;
  #isGiving = false;
  #isOver = false;

  constructor(exchange: Exchange, wanted: Wishes, reason: ForwardReason, fetch: AwaitedFetch) {
    this.exchange = exchange;
    this.wanted = wanted;
    this.reason = reason;
    this.#fetch = fetch;
    this.#feed = fetch.body;
    exchange.running = this;
  }

  /** Left, answered or let go. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isStreaming(): boolean {
    return this.#sink !== null;
  }

  /** Wants no more for the time being. */
  get isBlocked(): boolean {
    return this.#isPaused;
  }

  /** Has got everything that is held; perhaps more, when nothing is held any more. */
  get isCaughtUp(): boolean {
    return this.#given >= this.#feed.heldBytes;
  }

  /** The head is in the exchange; the body goes to `sink` as it comes. */
  begin(sink: Sink): void {
    this.#sink = sink;
    // Where the exchange fetches as well, what runs before the cache has said the same of itself.
    this.exchange.running = this;
    sink.start(this);
    this.pump();
  }

  /** It is answered otherwise, or begins anew. */
  letGo(): void {
    this.#isOver = true;
    if (this.exchange.running === this) this.exchange.running = null;
  }

  /** Gives what is held and has not been given. */
  pump(): void {
    if (this.#sink === null || this.#isGiving || this.#isOver) return;
    this.#isGiving = true;
    const wasBehind = !this.isCaughtUp;
    while (!this.#isPaused && !this.#isOver && !this.isCaughtUp) {
      const { held } = this.#feed;
      const isInOnePiece = this.#given === 0 && held.byteLength <= PIECE_BYTES;
      const chunk = isInOnePiece ? held : held.subarray(this.#given, this.#given + PIECE_BYTES);
      this.#given += chunk.byteLength;
      if (!this.#sink.write(chunk)) this.#isPaused = true;
    }
    this.#isGiving = false;
    if (this.#isOver || !this.isCaughtUp) return;
    if (this.#feed.isComplete) {
      if (!this.#isPaused) this.#end();
    } else if (wasBehind) {
      this.#feed.caughtUp();
    }
  }

  /** Gives a chunk that is not held. */
  relay(chunk: Uint8Array): void {
    if (this.#isOver) return;
    if (!this.#sink!.write(chunk)) this.#isPaused = true;
  }

  /** The body broke off, or the rest of a relayed one is there (null). */
  finish(error: ProxyError | null): void {
    if (this.#isOver) return;
    if (error === null) {
      this.#end();
      return;
    }
    const sink = this.#sink!;
    this.letGo();
    this.exchange.failure ??= error;
    sink.fail(error);
  }

  pause(): void {
    this.#isPaused = true;
    this.#feed.blocked();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.isCaughtUp && !this.#feed.isComplete) this.#feed.caughtUp();
    else this.pump();
  }

  cancel(error: ProxyError): void {
    if (this.#isOver) return;
    this.letGo();
    this.#fetch.leave(this, error);
  }

  #end(): void {
    const sink = this.#sink!;
    this.letGo();
    sink.end();
  }
}

/** Can be given the whole answer (or its head), though it may have hoped for less (RFC 9110 section 13.2.1). */
export function canTakeWhole({ exchange, wanted }: Waiter): boolean {
  // Range means nothing with HEAD (RFC 9110 section 14.2).
  return exchange.method === 'HEAD' || wanted.range === '';
}

/** Wants the whole answer, or the head of it, whatever the client has. */
export function isForWhole(waiter: Waiter): boolean {
  const { ifNoneMatch, ifModifiedSince } = waiter.wanted;
  return canTakeWhole(waiter) && ifNoneMatch === '' && ifModifiedSince === '';
}
