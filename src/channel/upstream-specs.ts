// What the shared state needs to know of a configuration; formed alike by workers and the sidecar.

import { peerId } from '../core/peer.ts';
import type { BreakerPolicy } from './breaker.ts';
import type { CheckPolicy } from './check-record.ts';
import type { EjectionPolicy } from './ejection.ts';
import type { OutlierPolicy } from './outliers.ts';
import type { UpstreamSpec } from './shared-state.ts';

/** The part of a configured upstream that matters here. */
export interface ConfiguredUpstream {
  readonly peers: readonly { readonly url: string }[];
  readonly ejection: EjectionPolicy;
  readonly active: CheckPolicy & { readonly type: string };
  readonly outlier: OutlierPolicy & { readonly enabled: boolean };
  readonly breaker: BreakerPolicy & { readonly enabled: boolean };
}

/** Returns the upstreams of a configuration for the shared state. */
export function upstreamSpecs(
  upstreams: Readonly<Record<string, ConfiguredUpstream>>,
): UpstreamSpec[] {
  return Object.entries(upstreams).map(([name, config]) => {
    const { peers, ejection, active, outlier, breaker } = config;
    return {
      name,
      peers: peers.map(({ url }) => peerId(name, url)),
      ejection,
      checks: active.type === 'off' ? null : { fall: active.fall, rise: active.rise },
      outlier: outlier.enabled ? outlier : null,
      breaker: breaker.enabled ? breaker : null,
    };
  });
}
