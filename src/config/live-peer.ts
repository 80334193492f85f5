// A peer of the effective configuration: what its settings are, and who said so. Peers come from the
// configuration itself, from the admin API, from a watched file and from DNS.

import { createHash } from 'node:crypto';
import type { UpstreamConfig } from './schema.ts';

/** What is said about one peer, complete. */
export type PeerSettings = UpstreamConfig['peers'][number];

/** Who named a peer; when several did, the first of these counts. */
export const peerOrigins = ['config', 'api', 'file', 'dns'] as const;
export type PeerOrigin = (typeof peerOrigins)[number];

/** A peer of an effective configuration; without an origin it is from the configuration itself. */
export type LivePeer = PeerSettings & { readonly origin?: PeerOrigin };

/** Returns who named a peer of an effective configuration. */
export function originOfPeer(peer: LivePeer): PeerOrigin {
  return peer.origin ?? 'config';
}

/**
 * Returns the entity tag of an upstream's peers, with its quotes (RFC 9110 section 8.8.3): the same as long
 * as the same peers have the same settings and origins. What they do at the moment is not in it.
 */
export function peersTag(peers: readonly LivePeer[]): string {
  const rows = peers.map((peer) => {
    const { url, weight, priority, connectionsMax, zone, draining } = peer;
    return [url, weight, priority, connectionsMax, zone, draining, originOfPeer(peer)];
  });
  const hash = createHash('sha256').update(JSON.stringify(rows)).digest('hex');
  return `"${hash.slice(0, 24)}"`;
}

/** Tells whether `tag` satisfies an If-Match field (RFC 9110 section 13.1.1); weak tags never do. */
export function matchesTag(ifMatch: string, tag: string): boolean {
  if (ifMatch.trim() === '*') return true;
  return ifMatch.split(',').some((one) => one.trim() === tag);
}
