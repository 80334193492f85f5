// Maglev hashing (Eisenbud et al., NSDI 2016): a table of 65,537 entries, filled by the peers in turn, each
// by its own permutation. One lookup, shares equal within about a per cent; more keys move than on a ring
// when a peer goes (a few per cent besides its own).

import type { Balancer } from '../../core/balancer.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { hash32, mix32 } from '../../std/hash.ts';
import { BOUND, BoundedLoad } from './bounded-load.ts';
import { type HashKey, hashText } from './hash-key.ts';

/** A prime, so that every step size visits every entry. */
const TABLE_SIZE = 65_537;

/** Entries looked at when the peer of the key may not take it, before everybody is asked in order. */
const PROBES_MAX = 64;

export class Maglev implements Balancer {
  readonly #key: HashKey;
  readonly #load: BoundedLoad;
  readonly #table: Uint16Array;
  readonly #count: number;

  /** `peers`: 1 to 65,535. */
  constructor(peers: readonly PeerConfig[], key: HashKey) {
    this.#key = key;
    this.#load = new BoundedLoad(peers, BOUND);
    this.#count = peers.length;
    this.#table = fill(peers);
  }

  pick(exchange: Exchange): Peer | null {
    const load = this.#load;
    load.begin();
    let hash = hash32(hashText(exchange, this.#key));
    for (let probe = 0; probe < PROBES_MAX && !load.isExhausted; probe++) {
      const peer = load.offer(this.#table[hash % TABLE_SIZE]!, exchange);
      if (peer !== null) return peer;
      hash = mix32(hash + probe + 1);
    }
    for (let step = 0; step < this.#count && !load.isExhausted; step++) {
      const peer = load.offer((hash + step) % this.#count, exchange);
      if (peer !== null) return peer;
    }
    return load.rest;
  }
}

/** Fills the table: in each round a peer takes as many free entries of its permutation as it weighs. */
function fill(peers: readonly PeerConfig[]): Uint16Array {
  const table = new Uint16Array(TABLE_SIZE);
  const isTaken = new Uint8Array(TABLE_SIZE);
  // In the order of ids, so that the order of the configuration does not matter.
  const order = [...peers.keys()].sort((a, b) => (peers[a]!.peer.id < peers[b]!.peer.id ? -1 : 1));
  const next = new Float64Array(peers.length);
  const skip = new Float64Array(peers.length);
  for (const index of order) {
    const { id } = peers[index]!.peer;
    next[index] = hash32(id, 1) % TABLE_SIZE;
    skip[index] = (hash32(id, 2) % (TABLE_SIZE - 1)) + 1;
  }
  let free = TABLE_SIZE;
  while (free > 0) {
    for (const index of order) {
      for (let turn = 0; turn < peers[index]!.weight && free > 0; turn++) {
        while (isTaken[next[index]!] === 1)
          next[index] = (next[index]! + skip[index]!) % TABLE_SIZE;
        table[next[index]!] = index;
        isTaken[next[index]!] = 1;
        free -= 1;
      }
    }
  }
  return table;
}
