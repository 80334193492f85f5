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

/** So often a retry that finds the budget spent backs off once more; then the failure is the answer. */
export const BUDGET_WAITS_MAX = 4;

/**
 * The whole retry policy: the failure allows it × the method allows it × the body can be sent again ×
 * tries are left. After its back-off it also needs room in the budget, and waits for that a little: when
 * a peer dies, its whole share fails at the same moment, and that may be more than the budget. Another
 * peer is required too: the balancer finds it or not.
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
  return exchange.requestBody === null || exchange.requestBody.replayable;
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

/**
 * Full jitter: a random share of a delay that doubles with every wait (1 is the first), so that retries do
 * not come in waves; in ms.
 */
export function backoffMs(wait: number, policy: RetryPolicy, random: () => number): number {
  const doubled = policy.backoffBaseMs * 2 ** (wait - 1);
  return Math.min(policy.backoffMaxMs, doubled) * random();
}
