// Consistent hashing with bounded load (Mirrokni, Thorup, Zadimoghaddam 2016): a peer that already has
// more than 125 % of its fair share passes the key on to the next in line.

import type { Exchange } from '../../core/exchange.ts';
import type { Peer, PeerConfig } from '../../core/peer.ts';
import { isAvailable, isUsable, loadOf, weightOf } from './availability.ts';

/** How far above its fair share a peer may be loaded. */
export const BOUND = 1.25;

/**
 * Judges the peers of one pick in the order in which the hash names them. Use: `begin`, then `offer` until
 * it returns a peer or `isExhausted`, then `rest`. No allocation.
 */
export class BoundedLoad {
  readonly #peers: readonly PeerConfig[];
  readonly #bound: number;
  /** Of those that verdicts let have work; made anew when a verdict changes. */
  #weightSum = 0;
  #version = -1;
  /** Number of the pick in which a peer was offered last: spares clearing a set. */
  readonly #offeredIn: Float64Array;
  #pick = 0;
  #offered = 0;
  /** Attempts in flight on all peers, this one included. */
  #total = 0;
  #rest: Peer | null = null;

  /** `bound` times its fair share is what a peer may have in flight; Infinity: as much as comes. */
  constructor(peers: readonly PeerConfig[], bound: number) {
    this.#peers = peers;
    this.#bound = bound;
    this.#offeredIn = new Float64Array(peers.length);
  }

  begin(): void {
    this.#pick += 1;
    this.#offered = 0;
    this.#rest = null;
    const { group } = this.#peers[0]!.peer;
    if (group.version !== this.#version) this.#renew(group.version);
    this.#total = group.inFlight + group.inFlightElsewhere + 1;
  }

  /** Returns the peer when it may take the exchange within its bound; each index counts once a pick. */
  offer(index: number, exchange: Exchange): Peer | null {
    if (this.#offeredIn[index] === this.#pick) return null;
    this.#offeredIn[index] = this.#pick;
    this.#offered += 1;
    const config = this.#peers[index]!;
    if (!isAvailable(config, exchange)) return null;
    // While it warms up its bound is lower: its keys come back to it, but not all at once.
    const fairShare = (this.#total * weightOf(config)) / this.#weightSum;
    if (loadOf(config.peer) < Math.ceil(this.#bound * fairShare)) return config.peer;
    this.#rest ??= config.peer;
    return null;
  }

  get isExhausted(): boolean {
    return this.#offered === this.#peers.length;
  }

  /** The first available peer although it is over its bound, or null. */
  get rest(): Peer | null {
    return this.#rest;
  }

  #renew(version: number): void {
    this.#version = version;
    this.#weightSum = 0;
    for (const config of this.#peers) {
      if (isUsable(config.peer)) this.#weightSum += weightOf(config);
    }
  }
}
