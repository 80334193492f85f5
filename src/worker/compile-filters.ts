// Which filters a route's requests pass, in which order. A filter that a route does not use is not in its
// list; a route without any has null.

import type { RouteConfig } from '../config/schema.ts';
import type { RequestFilter } from '../core/filter.ts';
import { compileAccess, compileClients, compileCors } from './compile-access.ts';
import { compileCodingWish } from './compile-compress.ts';
import { compileConcurrency } from './compile-concurrency.ts';
import { compileAttacks, compileRequestShape } from './compile-guard.ts';
import type { RoutePlugins } from './compile-plugins.ts';
import { compileRateLimits } from './compile-rate-limits.ts';
import {
  compileAnswer,
  compileMaintenance,
  compileTargetRewrite,
  compileWholeBodies,
} from './compile-rewrite.ts';
import type { RouteContext } from './route-context.ts';

/**
 * The order: a maintenance page, who may come at all and how (addresses, shape), preflights, how often and
 * how many at a time (limits), attack rules, which may wait for a body, who it is (access), what becomes of
 * the request (rewriting), plugins, and last what answers in place of a peer.
 */
export function compileFilters(
  route: RouteConfig,
  context: RouteContext,
  plugins: RoutePlugins,
): readonly RequestFilter[] | null {
  const filters: (RequestFilter | null)[] = [
    compileMaintenance(route, context),
    compileClients(route, context),
    compileRequestShape(route),
    compileCors(route),
    compileRateLimits(route, context, false),
    compileConcurrency(route, context, false),
    compileAttacks(route, context),
    compileAccess(route, context),
    compileRateLimits(route, context, true),
    compileConcurrency(route, context, true),
    compileTargetRewrite(route, context),
    ...plugins.filters,
    compileAnswer(route, context),
    compileCodingWish(route),
    compileWholeBodies(route),
  ];
  const used = filters.filter((filter) => filter !== null);
  return used.length === 0 ? null : used;
}
