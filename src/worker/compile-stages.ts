// Which stages a route's responses pass on their way to the client, in the order in which they meet the
// bytes. A stage that a route does not use is not in its list; a route without any has null.

import type { RouteConfig } from '../config/schema.ts';
import type { ResponseStage } from '../core/filter.ts';
import { compileCors } from './compile-access.ts';
import { compileBandwidth } from './compile-bandwidth.ts';
import { compileCompress, compilePlain } from './compile-compress.ts';
import type { RoutePlugins } from './compile-plugins.ts';
import { compileMapBack, compileReplaceBody, compileResponseEdits } from './compile-rewrite.ts';
import { type PagesByStatus, ReplaceErrors } from './filter/answer/error-pages.ts';
import type { RouteContext } from './route-context.ts';

/** Between the peer and the cache: what they change is stored (decoding, rewriting of bodies). */
export function compilePeerStages(
  route: RouteConfig,
  context: RouteContext,
): readonly ResponseStage[] | null {
  return used([compilePlain(route, context), compileReplaceBody(route, 'peer')]);
}

/** Between the cache and the client: they run on hits too (headers by client, compression). */
export function compileClientStages(
  route: RouteConfig,
  context: RouteContext,
  errorPages: PagesByStatus | null,
  plugins: RoutePlugins,
): readonly ResponseStage[] | null {
  const replacesBody = compileReplaceBody(route, 'client');
  const changesBody = replacesBody !== null || plugins.stages.length > 0;
  return used([
    errorPages?.interceptsAny === true ? new ReplaceErrors(errorPages) : null,
    replacesBody,
    compileMapBack(route, context),
    ...plugins.stages,
    compileResponseEdits(route),
    // Behind who may read it: that decides about dictionaries.
    compileCors(route),
    compileCompress(route, context, changesBody),
    compileBandwidth(route, context),
  ]);
}

function used(stages: readonly (ResponseStage | null)[]): readonly ResponseStage[] | null {
  const list = stages.filter((stage) => stage !== null);
  return list.length === 0 ? null : list;
}
