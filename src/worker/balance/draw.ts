// Draws available peers at random in proportion to weight, in constant time as long as few of them are
// full or tried: a few draws, then one look at everybody from a random start.

import type { Exchange } from '../../core/exchange.ts';
import type { PeerConfig } from '../../core/peer.ts';
import { AliasTable } from './alias-table.ts';
import { isAvailable, isUsable } from './availability.ts';

/** Draws that may hit an unavailable peer before everybody is looked at. */
const DRAWS_MAX = 6;

export class Draw {
  readonly #all: readonly PeerConfig[];
  readonly #random: () => number;
  /** Those that verdicts let have work, and their table; made anew when a verdict changes. */
  #peers: readonly PeerConfig[] = [];
  #table = new AliasTable([]);
  #version = -1;

  /** `peers` are of one group. */
  constructor(peers: readonly PeerConfig[], random: () => number) {
    this.#all = peers;
    this.#random = random;
  }

  /** Returns an available peer other than `except`, or null. */
  one(exchange: Exchange, except: PeerConfig | null): PeerConfig | null {
    const version = this.#all[0]?.peer.group.version ?? 0;
    if (version !== this.#version) this.#renew(version);
    const peers = this.#peers;
    let spare: PeerConfig | null = null;
    for (let draw = 0; draw < DRAWS_MAX && peers.length > 0; draw++) {
      const config = peers[this.#table.draw(this.#random())]!;
      if (config === except || !isAvailable(config, exchange)) continue;
      // A peer that warms up turns most of its draws down.
      const { warmth } = config.peer;
      if (warmth === 1 || this.#random() < warmth) return config;
      spare = config;
    }
    return spare ?? this.#any(exchange, except);
  }

  #any(exchange: Exchange, except: PeerConfig | null): PeerConfig | null {
    const peers = this.#peers;
    const start = Math.floor(this.#random() * peers.length);
    for (let step = 0; step < peers.length; step++) {
      const config = peers[(start + step) % peers.length]!;
      if (config !== except && isAvailable(config, exchange)) return config;
    }
    return null;
  }

  #renew(version: number): void {
    this.#version = version;
    this.#peers = this.#all.filter(({ peer }) => isUsable(peer));
    this.#table = new AliasTable(this.#peers.map((config) => config.weight));
  }
}
