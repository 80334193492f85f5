// Draws available peers at random in proportion to weight, in constant time as long as most of them are
// available: a few draws, then one look at everybody from a random start.

import type { Exchange } from '../../core/exchange.ts';
import type { PeerConfig } from '../../core/peer.ts';
import { AliasTable } from './alias-table.ts';
import { isAvailable } from './availability.ts';

/** Draws that may hit an unavailable peer before everybody is looked at. */
const DRAWS_MAX = 6;

export class Draw {
  readonly #peers: readonly PeerConfig[];
  readonly #table: AliasTable;
  readonly #random: () => number;

  constructor(peers: readonly PeerConfig[], random: () => number) {
    this.#peers = peers;
    this.#table = new AliasTable(peers.map((config) => config.weight));
    this.#random = random;
  }

  /** Returns the index of an available peer other than `except` (-1 for no exception), or -1. */
  one(exchange: Exchange, except: number): number {
    const peers = this.#peers;
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const at = this.#table.draw(this.#random());
      // A peer that warms up turns most of its draws down.
      const { warmth } = peers[at]!.peer;
      if (warmth < 1 && this.#random() >= warmth) continue;
      if (at !== except && isAvailable(peers[at]!, exchange)) return at;
    }
    const start = Math.floor(this.#random() * peers.length);
    for (let step = 0; step < peers.length; step++) {
      const at = (start + step) % peers.length;
      if (at !== except && isAvailable(peers[at]!, exchange)) return at;
    }
    return -1;
  }
}
