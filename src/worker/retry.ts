// When a failed attempt is repeated, and after how long. Which failures allow it is in core/errors.

import type { ProxyError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import type { PeerGroup } from '../core/peer.ts';
import type { RetryPolicy } from '../core/plan.ts';

/** Methods that may be repeated although the peer may have seen the request (RFC 9110 section 9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'TRACE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
]);

/**
 * The whole retry policy: the failure allows it × the method allows it × the body can be sent again ×
 * tries are left × the budget is not spent. Another peer is required too: the balancer finds it or not.
 */
export function mayRetry(
  exchange: Exchange,
  error: ProxyError,
  policy: RetryPolicy | null,
): boolean {
  if (policy === null || exchange.attempts > policy.retriesMax) return false;
  const rule = error.failure.retry;
  if (rule === 'never') return false;
  if (rule === 'idempotent' && !isIdempotent(exchange.method)) return false;
  if (exchange.requestBody !== null && !exchange.requestBody.replayable) return false;
  return hasBudget(policy, exchange.peer!.group);
}

/** Tells whether a request may be repeated although the peer may have seen it. */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/**
 * Tells whether one more retry or hedge may run: they are a bounded share of what is in flight at the
 * upstream, counted over all workers as far as this one knows.
 */
export function hasBudget(
  { budgetRatio, budgetMin }: Pick<RetryPolicy, 'budgetRatio' | 'budgetMin'>,
  group: PeerGroup,
): boolean {
  const { guard } = group;
  // The one that asks is not counted at the moment.
  const active = group.inFlight + group.inFlightElsewhere + 1;
  return guard.inFlight + guard.inFlightElsewhere < Math.max(budgetMin, budgetRatio * active);
}

/** Full jitter: a random share of a delay that doubles, so that retries do not come in waves; in ms. */
export function backoffMs(exchange: Exchange, policy: RetryPolicy, random: () => number): number {
  const doubled = policy.backoffBaseMs * 2 ** (exchange.attempts - 1);
  return Math.min(policy.backoffMaxMs, doubled) * random();
}
