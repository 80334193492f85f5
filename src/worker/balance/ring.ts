// Consistent hashing on a ring: every peer stands at 160 points × weight, a key belongs to the next point
// clockwise. Removing one of n peers moves only the keys that it had.
//
//        a3 ── b1 ── a1          key k: hash(k) → the next point → its peer
//       /               \        when that peer may not take it: on to the next point of another peer
//     b2                 c1
//       \               /
//        c2 ── a2 ── b3

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { hash32 } from '../../std/hash.ts';
import { BoundedLoad } from './bounded-load.ts';
import { type HashKey, hashText } from './hash-key.ts';

const POINTS_PER_WEIGHT = 160;

export class Ring implements Balancer {
  readonly #key: HashKey;
  readonly #load: BoundedLoad;
  /** Sorted hashes of all points, and whose they are. */
  readonly #points: Uint32Array;
  readonly #owners: Uint32Array;

  /** `peers`: at least one. */
  constructor(peers: readonly PeerConfig[], key: HashKey) {
    this.#key = key;
    this.#load = new BoundedLoad(peers);
    const points: { hash: number; owner: number }[] = [];
    for (const [owner, { peer, weight }] of peers.entries()) {
      for (let point = 0; point < POINTS_PER_WEIGHT * weight; point++) {
        points.push({ hash: hash32(`${peer.id}#${point}`), owner });
      }
    }
    // By id where two points meet, so that the order of the configuration does not matter.
    const idOf = (owner: number) => peers[owner]!.peer.id;
    points.sort((a, b) => a.hash - b.hash || (idOf(a.owner) < idOf(b.owner) ? -1 : 1));
    this.#points = Uint32Array.from(points, (point) => point.hash);
    this.#owners = Uint32Array.from(points, (point) => point.owner);
  }

  pick(exchange: Exchange): Peer | null {
    const owners = this.#owners;
    const load = this.#load;
    load.begin();
    let at = this.#atOrBehind(hash32(hashText(exchange, this.#key)));
    for (let step = 0; step < owners.length && !load.isExhausted; step++) {
      const peer = load.offer(owners[at]!, exchange);
      if (peer !== null) return peer;
      at = at + 1 === owners.length ? 0 : at + 1;
    }
    return load.rest;
  }

  #atOrBehind(hash: number): number {
    const points = this.#points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low === points.length ? 0 : low;
  }
}
