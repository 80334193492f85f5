// The peers of a balancer that the verdicts let have work, with their weights as of now: computed when a
// verdict changes, never per pick.

import type { PeerConfig } from '../../core/peer.ts';
import { isUsable, weightOf } from './availability.ts';

export class Candidates {
  readonly #all: readonly PeerConfig[];
  /** Weights and indexes of all that there could be. */
  readonly #weightsMax: Float64Array;
  readonly #indexesMax: Uint32Array;
  #version = -1;
  #peers: readonly PeerConfig[] = [];
  #weights: Float64Array;
  #indexes: Uint32Array;
  /** A candidate has a bound for its load. */
  canBeFull = false;

  /** `peers` are of one group. */
  constructor(peers: readonly PeerConfig[]) {
    this.#all = peers;
    this.#weightsMax = new Float64Array(peers.length);
    this.#indexesMax = new Uint32Array(peers.length);
    this.#weights = this.#weightsMax;
    this.#indexes = this.#indexesMax;
  }

  /** Follows the verdicts; true when they have changed since the last call. */
  renew(): boolean {
    const all = this.#all;
    const version = all.length === 0 ? 0 : all[0]!.peer.group.version;
    if (version === this.#version) return false;
    this.#version = version;
    this.canBeFull = false;
    const peers: PeerConfig[] = [];
    for (let index = 0; index < all.length; index++) {
      const config = all[index]!;
      if (!isUsable(config.peer)) continue;
      this.#weightsMax[peers.length] = weightOf(config);
      this.#indexesMax[peers.length] = index;
      if (config.connectionsMax > 0) this.canBeFull = true;
      peers.push(config);
    }
    this.#peers = peers;
    this.#weights = this.#weightsMax.subarray(0, peers.length);
    this.#indexes = this.#indexesMax.subarray(0, peers.length);
    return true;
  }

  get peers(): readonly PeerConfig[] {
    return this.#peers;
  }

  /** Configured weight times warmth, by index in `peers`. */
  get weights(): Float64Array {
    return this.#weights;
  }

  /** Place among all peers, by index in `peers`. */
  get indexes(): Uint32Array {
    return this.#indexes;
  }
}
