// Draws available peers at random in proportion to weight, in constant time as long as few of them are
// full or tried: a few draws, then one look at everybody from a random start.

import type { Exchange } from '../../core/exchange.ts';
import type { PeerConfig } from '../../core/peer.ts';
import { AliasTable } from './alias-table.ts';
import { isFree } from './availability.ts';
import { Candidates } from './candidates.ts';

/** Draws that may hit an unavailable peer before everybody is looked at. */
const DRAWS_MAX = 6;

export class Draw {
  readonly #candidates: Candidates;
  readonly #random: () => number;
  /** Over the weights of the candidates. */
  #table = new AliasTable([]);

  /** `peers` are of one group. */
  constructor(peers: readonly PeerConfig[], random: () => number) {
    this.#candidates = new Candidates(peers);
    this.#random = random;
  }

  /** Returns an available peer other than `except`, or null. */
  one(exchange: Exchange, except: PeerConfig | null): PeerConfig | null {
    const candidates = this.#candidates;
    if (candidates.renew()) this.#table = new AliasTable(candidates.weights);
    const { peers } = candidates;
    // Nothing is left to draw (1.5 % of a small request: half a dozen draws and a look at everybody).
    if (peers.length === 0 || (peers.length === 1 && peers[0] === except)) return null;
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const config = peers[this.#table.draw(this.#random())]!;
      if (config !== except && isFree(config, exchange)) return config;
    }
    const start = Math.floor(this.#random() * peers.length);
    for (let step = 0; step < peers.length; step++) {
      const config = peers[(start + step) % peers.length]!;
      if (config !== except && isFree(config, exchange)) return config;
    }
    return null;
  }
}
