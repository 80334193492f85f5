// The peers that this worker knows, one object per id for as long as any configuration names it.

import { Peer, PeerGroup, peerId } from '../core/peer.ts';
import { peerAddress } from '../core/peer-address.ts';

/** Keeps live peer state across configurations. */
export class PeerRegistry {
  readonly #peers = new Map<string, Peer>();
  readonly #groups = new Map<string, PeerGroup>();

  /** Returns the peer of `upstream` at `url` (validated), the same one each time. */
  peerAt(upstream: string, url: string): Peer {
    const address = peerAddress(url);
    const id = peerId(upstream, url);
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      let group = this.#groups.get(upstream);
      if (group === undefined) {
        group = new PeerGroup(upstream);
        this.#groups.set(upstream, group);
      }
      peer = new Peer(id, upstream, address, group);
      this.#peers.set(id, peer);
    }
    return peer;
  }

  /** Forgets all peers but these; exchanges in flight keep theirs. */
  keepOnly(peers: readonly Peer[]): void {
    const kept = new Set(peers.map((peer) => peer.id));
    const upstreams = new Set(peers.map((peer) => peer.upstream));
    for (const id of this.#peers.keys()) if (!kept.has(id)) this.#peers.delete(id);
    for (const name of this.#groups.keys()) if (!upstreams.has(name)) this.#groups.delete(name);
  }

  get all(): readonly Peer[] {
    return [...this.#peers.values()];
  }
}
