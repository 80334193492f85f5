// The head of a fetch is there: what it means for the store, and for each of those who wait.

import type { CachedVariant, LeaseEnd, StoredResponse } from '../../core/cache.ts';
import type { ProxyError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { FieldNames, type RawHeaders, withoutFields } from '../../core/headers.ts';
import { standInStatus } from './cache-status.ts';
import { decide, fetchedResponse, noteFetch } from './fetch-exchange.ts';
import { answer, type Filling, release, statusOf, stream } from './fill-answers.ts';
import { isAbout, mergedFields } from './merge-head.ts';
import type { CachePolicy } from './policy.ts';
import { isFailure, standsInForFailure } from './reuse.ts';
import { decideStore, isShareable } from './store-decision.ts';
import { matchesVary } from './vary.ts';
import { canTakeWhole, isForWhole, type Waiter } from './waiter.ts';

/** After a failure nobody waits for another's fetch this long: it would fail them all one after the other. */
const FAILURE_PASS_MS = 1000;
/** For caches only. */
const NOT_PASSED_ON = new FieldNames(['surrogate-key', 'cache-tag']);

/** How long nobody waits for a fetch of what is not stored, because its answer has that status. */
export function passMsAfter(status: number, { passMs }: CachePolicy): number {
  return isFailure(status) ? Math.min(passMs, FAILURE_PASS_MS) : passMs;
}

/** The peer's fields for who caused the fetch: with what is withheld from the store. The same list, if it can be. */
export function ownFields({ responseHeaders: headers }: Exchange): RawHeaders {
  for (let at = 0; at < headers.length; at += 2) {
    if (NOT_PASSED_ON.has(headers[at]!)) return withoutFields(headers, NOT_PASSED_ON);
  }
  return headers;
}

/** Decides what becomes of a fill, now that the head is in its fetch. */
export function takeHead(fill: Filling): void {
  const { fetch, task } = fill;
  const { validated } = task;
  const isBad = fetch.failure !== null || isFailure(fetch.status);
  if (isBad && validated !== null && answersStale(fill, validated)) {
    fill.ignore();
  } else if (fetch.failure !== null) {
    refuseAll(fill, fetch.failure);
  } else if (fetch.status === 304 && validated !== null) {
    takeValidation(fill, validated);
  } else {
    takeAnswer(fill);
  }
}

/** May it be stored, and may all have it? Failures may, too, when somebody says so (negative caching). */
function takeAnswer(fill: Filling): void {
  const { context, fetch, task, audience } = fill;
  const { policy } = context;
  const decision = fill.decided ?? decide(fetch, fill.sentAtMs, task.request, context);
  if (decision === null) {
    const end = isFailure(fetch.status) ? 'failed' : 'uncacheable';
    giveOn(fill, end, passMsAfter(fetch.status, policy));
    return;
  }
  const overlongMs = fill.byteLength === -1 ? stillOverlongMs(fill) : 0;
  if (overlongMs > 0) {
    giveOn(fill, 'uncacheable', overlongMs);
    return;
  }
  const isShared = isShareable(decision, decision.storedAtMs);
  if (!fill.hold(decision, isShared)) {
    // There is no room at the moment: others may have some.
    giveOn(fill, 'failed', 0);
    return;
  }
  const { owner } = audience;
  if (!isShared) fill.releaseOthers('uncacheable', policy.passMs);
  for (const waiter of audience.all) {
    if (waiter.isOver) continue;
    const isOwner = waiter === owner;
    const fits = isOwner || matchesVary(decision.vary, waiter.exchange.requestHeaders);
    if (!fits) release(fill, waiter, 'together');
    else if (isForWhole(waiter)) {
      stream(fill, waiter, isOwner ? ownFields(fetch) : decision.headers.slice());
    }
  }
}

/** For how long answers under this key count as too long, unless they say how long they are. */
function stillOverlongMs({ context, task }: Filling): number {
  return context.host.overlong.leftMs(task.request.key, Date.now());
}

/** Not for the store: whose request it answers gets it as it comes, all others ask for themselves. */
function giveOn(fill: Filling, end: LeaseEnd, passMs: number): void {
  const { audience, context, task, fetch } = fill;
  const isAnswer = !isFailure(fetch.status);
  // What was stored is none any more.
  if (task.validated !== null && isAnswer) context.host.store.remove(task.request.key);
  fill.relay();
  const { owner } = audience;
  fill.releaseOthers(end, passMs);
  if (owner === null || owner.isOver) {
    fill.ignore();
  } else if (canTakeWhole(owner)) {
    stream(fill, owner, ownFields(fetch));
    // It wanted no more than the head.
    if (owner.isOver) fill.ignore();
  } else {
    fill.ignore();
    release(fill, owner);
  }
}

/** What is stored is still the answer (RFC 9111 section 4.3.3). */
function takeValidation(fill: Filling, validated: CachedVariant): void {
  const { context, fetch, task, audience } = fill;
  const { policy, host } = context;
  const before = validated.response;
  if (!isAbout(before, fetch.responseHeaders)) {
    host.store.remove(task.request.key);
    fill.ignore();
    for (const waiter of audience.all) release(fill, waiter);
    return;
  }
  const headers = mergedFields(before.headers, fetch.responseHeaders);
  const response = fetchedResponse(fetch, fill.sentAtMs, before.status, headers);
  const decision = decideStore(task.request, response, policy);
  const isStored = typeof decision !== 'string';
  const next: StoredResponse = {
    ...before,
    ...(isStored ? decision : { headers }),
    bodyBytes: before.bodyBytes,
    tags: before.tags,
  };
  const variant = host.store.replaceHead(validated, next);
  if (!isStored) host.store.remove(task.request.key);
  if (!isStored || !isShareable(next, response.receivedAtMs)) {
    fill.releaseOthers('uncacheable', policy.passMs);
  }
  fill.over(isStored ? 'stored' : 'uncacheable', isStored ? next.freshUntilMs : 0);
  for (const waiter of audience.all) {
    if (!isFor(waiter, variant)) {
      release(fill, waiter, 'together');
      continue;
    }
    waiter.exchange.cacheStatus = 'revalidated';
    answer(fill, waiter, variant, statusOf(fill, waiter));
  }
}

/** A failure: whoever may have something stale instead gets it. False when nobody may, or some may not. */
function answersStale(fill: Filling, stale: CachedVariant): boolean {
  const { audience, context, fetch } = fill;
  const { statusName } = context.answers;
  const status = statusName === null ? null : standInStatus(statusName, fetch.status);
  const nowMs = Date.now();
  const hasAsked = !audience.isEmpty;
  for (const waiter of audience.all) {
    if (!isFor(waiter, stale)) continue;
    if (!standsInForFailure(stale.response, nowMs, waiter.wanted.staleIfError)) continue;
    waiter.exchange.cacheStatus = 'stale';
    answer(fill, waiter, stale, status);
  }
  return hasAsked ? audience.isEmpty : standsInForFailure(stale.response, nowMs);
}

/** Those who wait for the same agree on what the newest answer varies by, which may not be this one. */
function isFor({ exchange }: Waiter, { response }: CachedVariant): boolean {
  return matchesVary(response.vary, exchange.requestHeaders);
}

function refuseAll(fill: Filling, failure: ProxyError): void {
  fill.ignore();
  for (const waiter of fill.audience.all) {
    fill.audience.remove(waiter);
    waiter.letGo();
    noteFetch(waiter.exchange, fill.fetch);
    waiter.exchange.headAtMs = 0;
    fill.context.host.refuse(waiter.exchange, failure);
  }
}
