// What is checked and how: one target per peer of an upstream whose active checks are on.

import { readFileSync } from 'node:fs';
import type { Config, UpstreamConfig } from '../../config/schema.ts';
import { peerId } from '../../core/peer.ts';
import { peerAddress } from '../../core/peer-address.ts';

export interface CheckTarget {
  /** Id of the peer. */
  readonly id: string;
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Of a unix socket, or null. */
  readonly path: string | null;
  /** Sent as Host when the operator names none. */
  readonly authority: string;
  readonly settings: UpstreamConfig['active'];
  /** Connections begin with a PROXY header that speaks for nobody. */
  readonly sendProxy: UpstreamConfig['sendProxy'];
  /** For https peers: as for the traffic; `ca` is PEM text, null for the system's own. */
  readonly tls: {
    readonly verify: boolean;
    readonly ca: string | null;
    readonly serverName: string | null;
  };
}

/** What one check found. */
export interface CheckOutcome {
  readonly good: boolean;
  /** Why it is not good; '' when it is. */
  readonly why: string;
}

/** Returns the targets of a configuration; throws when the file of an authority can't be read. */
export function checkTargets(upstreams: Config['upstreams']): CheckTarget[] {
  return Object.entries(upstreams).flatMap(([name, { active, peers, tls, sendProxy }]) => {
    if (active.type === 'off') return [];
    const { verify, caFile, serverName } = tls;
    const ca = caFile === null ? null : readFileSync(caFile, 'utf8');
    return peers.map(({ url }) => {
      const { scheme, hostname, port, path, authority } = peerAddress(url);
      return {
        id: peerId(name, url),
        secure: scheme === 'https',
        hostname,
        port,
        path,
        authority,
        settings: active,
        sendProxy,
        tls: { verify, ca, serverName },
      };
    });
  });
}
