// What the shared state needs to know of a configuration; formed alike by workers and the sidecar.

import { peerId } from '../core/peer.ts';
import type { UpstreamSpec } from './apply-command.ts';
import type { EjectionPolicy } from './ejection.ts';

/** The part of a configured upstream that matters here. */
export interface ConfiguredUpstream {
  readonly peers: readonly { readonly url: string }[];
  readonly ejection: EjectionPolicy;
}

/** Returns the upstreams of a configuration for the shared state. */
export function upstreamSpecs(
  upstreams: Readonly<Record<string, ConfiguredUpstream>>,
): UpstreamSpec[] {
  return Object.entries(upstreams).map(([name, { peers, ejection }]) => ({
    name,
    peers: peers.map(({ url }) => peerId(name, url)),
    ejection,
  }));
}
