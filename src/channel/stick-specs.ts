// Which upstreams of a configuration have sessions to be remembered; formed alike by workers and the sidecar.

import type { StickSpec } from './stick-tables.ts';

/** The part of a configured upstream that matters here. */
export interface StickyUpstream {
  readonly sticky: {
    readonly by: 'off' | 'cookie' | 'header' | 'learned-cookie';
    readonly entriesMax: number;
    readonly ttlMs: number;
  };
}

/** Returns the tables that a configuration needs. A cookie of our own needs none: it says all itself. */
export function stickSpecs(upstreams: Readonly<Record<string, StickyUpstream>>): StickSpec[] {
  return Object.entries(upstreams)
    .filter(([, { sticky }]) => sticky.by === 'header' || sticky.by === 'learned-cookie')
    .map(
      ([
        upstream,
        {
          sticky: { entriesMax, ttlMs },
        },
      ]) => ({ upstream, entriesMax, ttlMs }),
    );
}
