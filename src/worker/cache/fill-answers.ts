// What those who wait for a fetch get: its answer while it comes, a stored one, or leave to look again.

import type { CachedVariant, CacheEntry, LeaseEnd, StoredResponse } from '../../core/cache.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { RawHeaders } from '../../core/headers.ts';
import { answerFrom } from './answer.ts';
import type { Audience } from './audience.ts';
import { sendBody } from './body-source.ts';
import { addStatus, forwardStatus } from './cache-status.ts';
import { noteFetch } from './fetch-exchange.ts';
import type { FillContext, NextLook } from './fill-context.ts';
import type { FetchedRequest } from './policy.ts';
import type { Waiter } from './waiter.ts';

/** A fill, as those see it who decide about it and answer from it; implemented by fill.ts. */
export interface Filling {
  readonly context: FillContext;
  readonly task: {
    readonly request: FetchedRequest;
    /** What is stored already, and was to be validated. */
    readonly validated: CachedVariant | null;
  };
  /** The exchange that fetches. Its response fields may be changed for its client as soon as that is told. */
  readonly fetch: Exchange;
  /** What its response head says. */
  readonly status: number;
  readonly byteLength: number;
  readonly audience: Audience;
  /** As what its answer is to be stored; null as long as it is not. */
  readonly decision: StoredResponse | null;
  /** Unix time in ms at which the request for it was sent. */
  readonly sentAtMs: number;
  /** As what its answer is to be stored, where that was decided before this fill took over; else null. */
  readonly decided: StoredResponse | null;
  /** Keeps the body that comes; false when there is no room for it. */
  hold(decision: StoredResponse, isShared: boolean): boolean;
  /** Gives the body on as it comes. */
  relay(): void;
  /** Nobody wants what still comes from the peer. */
  ignore(): void;
  /** Everybody but the owner looks for himself; nobody waits for this key for `passMs`. */
  releaseOthers(end: LeaseEnd, passMs: number): void;
  /** Nobody joins any more, nothing is held; others may ask until `freshUntilMs`. Idempotent. */
  over(end: LeaseEnd, freshUntilMs?: number): void;
}

const NO_BYTES = new Uint8Array(0);

/** Gives a waiter the head, and, unless it asked by HEAD, the body as it comes. `fields` become its own. */
export function stream(fill: Filling, waiter: Waiter, fields: RawHeaders): void {
  const { fetch, audience } = fill;
  const { answers } = fill.context;
  const { exchange } = waiter;
  noteFetch(exchange, fetch);
  exchange.status = fill.status;
  exchange.responseHeaders = fields;
  exchange.responseByteLength = fill.byteLength;
  addStatus(fields, statusOf(fill, waiter));
  const sink = answers.stages === null ? exchange.client : answers.stages(exchange);
  if (exchange.method !== 'HEAD') {
    waiter.begin(sink);
    return;
  }
  audience.remove(waiter);
  waiter.letGo();
  sendBody(exchange, sink, NO_BYTES);
}

/** Answers a waiter from memory; `status` is the member of Cache-Status. */
export function answer(
  fill: Filling,
  waiter: Waiter,
  variant: CachedVariant,
  status: string | null,
): void {
  if (waiter.isOver) return;
  fill.audience.remove(waiter);
  waiter.letGo();
  noteFetch(waiter.exchange, fill.fetch);
  const { answers: context } = fill.context;
  answerFrom(waiter.exchange, variant, waiter.wanted, {
    context,
    nowMs: Date.now(),
    status: status ?? '',
  });
}

/** The member of Cache-Status for a waiter; null where the route has none. */
export function statusOf(fill: Filling, { exchange, reason }: Waiter): string | null {
  const { statusName } = fill.context.answers;
  if (statusName === null) return null;
  const { status } = fill;
  return forwardStatus(statusName, {
    reason,
    status: status === 304 ? status : 0,
    isStored: fill.decision !== null,
    isCollapsed: exchange.cacheStatus === 'collapsed',
  });
}

/** A waiter looks for itself; `found`: at what was on disk. */
export function release(
  fill: Filling,
  waiter: Waiter,
  how: NextLook = 'alone',
  found: CacheEntry | null = null,
): void {
  if (waiter.isOver) return;
  fill.audience.remove(waiter);
  waiter.letGo();
  fill.context.again(waiter.exchange, how, found);
}
