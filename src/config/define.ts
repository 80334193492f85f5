// What `import { defineConfig } from 'sluice'` gives: types for a configuration, and nothing at run time.

import type { ConfigInput } from './schema.ts';

type UpstreamInput = ConfigInput['upstreams'][string];
type RouteInput = ConfigInput['routes'][number];

/** A configuration whose routes may only name upstreams that it has. */
export interface SluiceConfig<Name extends string>
  extends Omit<ConfigInput, 'upstreams' | 'routes'> {
  /** Groups of backend servers, by name. */
  upstreams: Record<Name, UpstreamInput>;
  /** Which requests go where; the most specific wins, whatever the order. */
  routes: (Omit<RouteInput, 'to' | 'mirror'> & {
    /** The upstream that answers, or several with weights. */
    to: NoInfer<Name> | { upstream: NoInfer<Name>; weight?: number }[];
    /** Copies requests to a shadow upstream after they are answered. */
    mirror?: { to: NoInfer<Name>; percent?: number } | null;
  })[];
}

/** Returns `config` as it is; a route to an upstream that does not exist fails to type-check. */
export function defineConfig<const Name extends string>(
  config: SluiceConfig<Name>,
): SluiceConfig<Name> {
  return config;
}
