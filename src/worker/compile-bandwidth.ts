// Makes the stage that slows responses down out of a route's settings.

import type { RouteConfig } from '../config/schema.ts';
import { Bandwidth } from './filter/limit/bandwidth.ts';
import { Pacer } from './filter/limit/pacer.ts';
import type { RouteContext } from './route-context.ts';

/** Returns the stage, or null; all routes of a worker share one clock. */
export function compileBandwidth(
  { bandwidth }: RouteConfig,
  { kept }: RouteContext,
): Bandwidth | null {
  if (bandwidth === null) return null;
  const pacer = kept.get('pacer', () => new Pacer(() => performance.now()));
  return new Bandwidth({ ...bandwidth, pacer });
}
