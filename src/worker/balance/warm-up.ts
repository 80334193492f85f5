// Slow start: a peer that recovers, or joins others, gets its share little by little. The warmth of a peer
// is set to its floor at the moment of its recovery (core/peer) or here when it is new, and raised here,
// twice a second while anybody warms up.

import type { Peer, PeerGroup } from '../../core/peer.ts';

/** How the peers of one upstream start. */
export interface SlowStart {
  readonly peers: readonly Peer[];
  /** 0: at once. */
  readonly windowMs: number;
  readonly floorPercent: number;
}

interface Starting {
  readonly group: PeerGroup;
  readonly peers: readonly Peer[];
  readonly windowMs: number;
  /** Version of the group when it was looked at last. */
  version: number;
  warms: boolean;
}

export class WarmUp {
  #upstreams: Starting[] = [];

  /**
   * Follows a new configuration; what warms up goes on under its rules. Peers that join others begin at
   * the floor; those of an upstream that had none share the load as it comes, as at boot.
   */
  install(upstreams: readonly SlowStart[], nowMs = performance.now()): void {
    const known = new Set(this.#upstreams.flatMap(({ peers }) => peers));
    this.#upstreams = [];
    for (const { peers, windowMs, floorPercent } of upstreams) {
      const group = peers[0]?.group;
      if (group === undefined) continue;
      group.warmthFloor = windowMs === 0 ? 1 : floorPercent / 100;
      const added = peers.filter((peer) => !known.has(peer));
      if (added.length < peers.length) for (const peer of added) begin(peer, nowMs);
      this.#upstreams.push({ group, peers, windowMs, version: -1, warms: false });
    }
  }

  /** To be called about twice a second; one compare per upstream where nothing happens. */
  tick(nowMs: number): void {
    for (const upstream of this.#upstreams) {
      const { group } = upstream;
      if (!upstream.warms && upstream.version === group.version) continue;
      upstream.warms = warm(upstream, nowMs);
      // The weights have changed.
      if (upstream.warms) group.version += 1;
      upstream.version = group.version;
    }
  }
}

function begin(peer: Peer, nowMs: number): void {
  const { group } = peer;
  peer.recoveredAtMs = nowMs;
  peer.warmth = group.warmthFloor;
  group.version += 1;
}

/** Raises the warmth of all that are not at their full weight; tells whether any is still below it. */
function warm({ group, peers, windowMs }: Starting, nowMs: number): boolean {
  let warms = false;
  const floor = group.warmthFloor;
  for (const peer of peers) {
    if (peer.warmth === 1) continue;
    const share = windowMs === 0 ? 1 : (nowMs - peer.recoveredAtMs) / windowMs;
    peer.warmth = Math.min(1, floor + (1 - floor) * Math.max(0, share));
    if (peer.warmth < 1) warms = true;
  }
  return warms;
}
